// The rounding family: methods that choose codes for a weight, given what its inputs look like.
#include "plugins/rounding/adaquant.h"
#include "plugins/rounding/adaround.h"
#include "plugins/rounding/decoupleq.h"
#include "plugins/rounding/gptq.h"
#include "plugins/rounding/quantease.h"
#include "plugins/rounding/rsq.h"
#include "plugins/rounding/scale_refit.h"
#include "plugins/rounding/spqr.h"

QS_EXPORT_PLUGIN("org.quantoscope.rounding", "1.2.0", "GPL-3.0-or-later", qs::Gptq, qs::Rsq, qs::QuantEase,
                 qs::DecoupleQ, qs::Spqr, qs::AdaRound, qs::AdaQuant, qs::ScaleRefit, qs::Udfc);
