// The family of equivalent transforms: methods that change a network without changing what it computes, so
// that it rounds with less error.
#include "plugins/transform/affine_quant.h"
#include "plugins/transform/awq.h"
#include "plugins/transform/cross_layer_equalization.h"
#include "plugins/transform/cross_quant.h"
#include "plugins/transform/dual_column_scale.h"
#include "plugins/transform/omniquant_let.h"
#include "plugins/transform/outlier_scale.h"
#include "plugins/transform/repq_vit.h"
#include "plugins/transform/rotation.h"
#include "plugins/transform/smooth_quant.h"
#include "plugins/transform/smooth_quant_bias.h"
#include "plugins/transform/weight_dilation.h"

QS_EXPORT_PLUGIN("org.quantoscope.transform", "1.0.0", "GPL-3.0-or-later", qs::SmoothQuant,
                 qs::SmoothQuantBias, qs::Awq, qs::WeightDilation, qs::CrossLayerEqualization, qs::CrossQuant,
                 qs::Rotation, qs::ResidualRotation, qs::RepqVit, qs::RepQuant, qs::DualColumnScale,
                 qs::OmniquantLet, qs::OutlierScale, qs::AffineQuant);
