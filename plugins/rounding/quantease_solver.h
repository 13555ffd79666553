#pragma once

#include "plugins/rounding/kept_values.h"
#include "plugins/rounding/row_errors.h"

#include <Eigen/Core>

namespace qs {

/// Where QuantEase starts.
enum class QuantEaseStart { Weights, Nearest, Gptq };

struct QuantEaseOptions {
    int sweeps = 30;
    bool relaxation = true; ///< every third sweep up to the 26th leaves the grid, but the last one
    bool actOrder = false;  ///< visit the columns by descending diagonal of H
    QuantEaseStart start = QuantEaseStart::Weights;
    bool keepBest = true;      ///< per row, the best iterate on the grid; else the last one
    double outlierShare = 0.0; ///< ρ: share of the weights, or of the columns, that stay outside of the grid
    bool wholeColumns = false; ///< outliers are columns
    double outlierStep = 1.0;  ///< α: step of the outliers in units of 1 / (2 λ_max)
    double damping = 0.01;     ///< of the GPTQ start
};

struct QuantEaseResult {
    LayerCodes layer;
    KeptValues outliers;           ///< replace the values of the codes
    std::vector<double> rowErrors; ///< d H dᵀ of what is stored, exact
    std::vector<double>
        sweepErrors;           ///< of the layer after each sweep, also of relaxed ones; float32 products
    std::int64_t rowsKept = 0; ///< rows that keepBest left to round-to-nearest or to GPTQ
};

/// Cyclic coordinate descent on the output error: each column in turn takes the best value on its grid given
/// all others.
///
/// \param weights  float32 [rows, cols], finite, |w| <= 1e25
/// \param scheme   grids are those of round-to-nearest; with outliers, fitted without these
/// \param hessian  float64 [cols, cols]; may be singular
/// \error InvalidArgument  of checkHessian and checkWeights; an outlier beyond float16;  Cancelled
/// \thread parallel over rows; the result does not depend on the thread count
/// \source Behdin et al. 2023, arXiv:2309.01885; methods A3
Result<QuantEaseResult> solveQuantEase(MatrixView<const float> weights, const SliceScheme &scheme,
                                       MatrixView<const double> hessian, const QuantEaseOptions &options,
                                       const SolverServices &services);

} // namespace qs
