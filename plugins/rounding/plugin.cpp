// The rounding family: methods that choose codes for a weight, given what its inputs look like.
#include "plugins/rounding/gptq.h"

QS_EXPORT_PLUGIN("org.quantoscope.rounding", "1.0.0", "GPL-3.0-or-later", qs::Gptq);
