// The grid family: methods that choose scales, zero points and levels, and round to the nearest.
#include "plugins/grid/bit_delta.h"
#include "plugins/grid/clip_methods.h"
#include "plugins/grid/dual_scale_method.h"
#include "plugins/grid/hqq.h"
#include "plugins/grid/normal_float_method.h"

QS_EXPORT_PLUGIN("org.quantoscope.grid", "1.0.0", "GPL-3.0-or-later", qs::Hqq, qs::OmniQuantClip, qs::AwqClip,
                 qs::DualScale, qs::DualScaleFeedback, qs::NormalFloat, qs::BitDelta);
