// The branch family: methods that give a part of the weight to a low-rank branch beside the codes.
#include "plugins/branch/alternating_methods.h"
#include "plugins/branch/lqer.h"

QS_EXPORT_PLUGIN("org.quantoscope.branch", "1.0.0", "GPL-3.0-or-later", qs::Lqer, qs::L2qer, qs::SvdQuant,
                 qs::LqLora);
