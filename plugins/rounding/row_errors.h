#pragma once

#include "plugins/rounding/layer_grids.h"

namespace qs {

/// d H dᵀ of every row d = w − q: the error that the layer's output makes, in float64.
///
/// \param hessian   float64 [cols, cols], symmetric
/// \param damping   added to the diagonal of the Hessian
/// \error Cancelled
/// \thread parallel over rows; the result does not depend on the thread count
/// \source methods A 0.1
Result<std::vector<double>> rowErrors(MatrixView<const float> weights, const LayerCodes &layer,
                                      MatrixView<const double> hessian, const SolverServices &services,
                                      double damping = 0);
/// The same for any difference [rows, cols].
Result<std::vector<double>> rowErrors(MatrixView<const float> difference, MatrixView<const double> hessian,
                                      const SolverServices &services, double damping = 0);

/// Takes the rows of `other` that have the smaller error, so that no row of `layer` is worse than in either.
/// \return how many rows were taken; errors becomes the smaller of both
std::int64_t keepBetterRows(LayerCodes &layer, std::vector<double> &errors, const LayerCodes &other,
                            const std::vector<double> &otherErrors);

/// Error of the whole layer.
double sumOf(const std::vector<double> &errors);

/// \error InvalidArgument  an entry is NaN or Inf, or one of the diagonal is below zero; Cancelled
Status checkHessian(MatrixView<const double> hessian, const SolverServices &services);
/// \error InvalidArgument  a weight is beyond what float32 feedback can carry (1e25); names its row
Status checkWeights(MatrixView<const float> weights);

} // namespace qs
