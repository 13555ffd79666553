#pragma once

#include "plugins/rounding/column_coupling.h"
#include "plugins/rounding/quantease_solver.h"

namespace qs {

/// QuantEase with a sparse part outside of the grid, W ≈ Q + S: after each sweep over the columns, one step
/// of S along the gradient, of which only the largest elements (or columns) stay. Sweeps do not relax.
/// \source methods A3 (outlier-aware); the published snippet never stores the updated codes, this does
Result<QuantEaseResult> descendWithOutliers(MatrixView<const float> weights, const SliceScheme &scheme,
                                            MatrixView<const double> hessian, const QuantEaseOptions &options,
                                            const ColumnCoupling &coupling, const SolverServices &services);

} // namespace qs
