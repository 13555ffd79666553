#pragma once

#include "plugins/rounding/row_errors.h"

namespace qs {

struct AdaQuantOptions {
    int iterations = 400;
    double weightRate = 0.005; ///< Adam's first learning rate of the weights, in code steps; falls to 0
    double gridRate =
        0.002; ///< … of the scales, relative, and of the zero points, in shares of all code steps
    bool learnGrids = true;  ///< scales, and zero points unless the convention prescribes them
    bool fixedZeros = false; ///< the convention prescribes the zero points
};

struct AdaQuantResult {
    LayerCodes layer;
    std::vector<double> rowErrors;
    std::int64_t rowsKept = 0; ///< rows in which nothing better than round-to-nearest was found
};

/// Moves the weights, their scales and zero points by gradient descent on the output error of what they round
/// to, with the gradient passed straight through the rounding; keeps the best step of every row. Unlike
/// AdaRound a weight may move by more than one code. Layer by layer and for the weights only: the paper's
/// activation ranges and biases stay as they are.
///
/// \param weights  float32 [rows, cols], finite, |w| <= 1e25
/// \param scheme   per row or per group; starts at the grids of round-to-nearest
/// \param hessian  float64 [cols, cols]
/// \error InvalidArgument  of checkHessian and checkWeights;  Cancelled
/// \thread parallel over rows; the result does not depend on the thread count
/// \source Hubara et al. 2020, arXiv:2006.10518; methods A30
Result<AdaQuantResult> solveAdaQuant(MatrixView<const float> weights, const SliceScheme &scheme,
                                     MatrixView<const double> hessian, const AdaQuantOptions &options,
                                     const SolverServices &services);

} // namespace qs
