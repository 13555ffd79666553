#pragma once

#include "plugins/rounding/feedback_panel.h"
#include "plugins/rounding/layer_grids.h"

namespace qs {

/// GPTQ on grids that are given, with integer or real zero points: codes whose errors are compensated by the
/// columns that follow. Weights of dead inputs are taken as 0.
/// \error Cancelled
/// \thread parallel over rows; the result does not depend on the thread count
Result<LayerCodes> roundWithFeedback(MatrixView<const float> weights, LayerGrids grids,
                                     const HessianFactor &factor, const SolverServices &services);

} // namespace qs
