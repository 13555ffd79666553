#pragma once

#include "plugins/rounding/row_errors.h"

namespace qs {

struct AdaRoundOptions {
    int iterations = 600;
    double learningRate = 0.05; ///< of Adam, on the logits of the rounding directions
    /// Weight λ of the regularizer; 0 = per row, `regularization` times the error of nearest rounding per
    /// weight.
    double lambda = 0.0;
    double regularization = 6.0;
    double warmUp = 0.2; ///< share of the iterations without regularizer
    double betaStart = 20.0, betaEnd = 2.0;
    bool keepBest = true; ///< per row, round-to-nearest where that is better
};

struct AdaRoundResult {
    LayerCodes layer;
    std::vector<double> rowErrors;
    double binaryShare = 0;    ///< weights whose direction was decided (h below 0.02 or above 0.98)
    std::int64_t rowsKept = 0; ///< rows that keepBest left to round-to-nearest
};

/// Learns for every weight whether to round down or up: gradient descent on the output error through a smooth
/// step h, with a regularizer that drives h to 0 or 1. The gradient is in closed form, (Q − W) H for the
/// values, so that no tape is needed.
///
/// \param weights  float32 [rows, cols], finite, |w| <= 1e25
/// \param scheme   grids are those of round-to-nearest
/// \param hessian  float64 [cols, cols]
/// \error InvalidArgument  of checkHessian and checkWeights;  Cancelled
/// \thread parallel over rows; the result does not depend on the thread count
/// \source Nagel et al. 2020, arXiv:2004.10568; methods A23
Result<AdaRoundResult> solveAdaRound(MatrixView<const float> weights, const SliceScheme &scheme,
                                     MatrixView<const double> hessian, const AdaRoundOptions &options,
                                     const SolverServices &services);

} // namespace qs
