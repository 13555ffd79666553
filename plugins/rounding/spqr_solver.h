#pragma once

#include "plugins/rounding/kept_values.h"
#include "plugins/rounding/row_errors.h"

namespace qs {

struct SpqrOptions {
    double damping = 1.0;          ///< share of the mean diagonal of H that is added to its diagonal
    bool actOrder = true;          ///< largest diagonal of H first; groups follow that order
    double outlierThreshold = 0.2; ///< τ, in units of the mean sensitivity-weighted variance of a column
    bool leaveOneOut = true;       ///< likely outliers do not widen the grids of their groups
    int gridBits = 3;              ///< of the codes of scales and of zero points
    int gridRows = 16;             ///< rows whose scales (and zero points) share one second-level grid
};

struct SpqrResult {
    LayerCodes layer; ///< real zero points; groupOfColumn set when groups follow the order of activations
    KeptValues outliers;
    std::vector<double> rowErrors; ///< d H dᵀ of what is stored
    double gridBits = 0;           ///< storage of a scale, and of a zero point, second level included
};

/// GPTQ with small groups whose scales and zero points are themselves quantized to a few bits, and with the
/// weights that would cost most kept in float16.
///
/// \param weights  float32 [rows, cols], finite, |w| <= 1e25
/// \param scheme   per row or per group; realZeros is set by the solver
/// \param hessian  float64 [cols, cols]
/// \error InvalidArgument  of checkWeights and factorHessian;  Cancelled
/// \thread parallel over rows; the result does not depend on the thread count
/// \source Dettmers et al. 2023, arXiv:2306.03078; methods A19
Result<SpqrResult> solveSpqr(MatrixView<const float> weights, SliceScheme scheme,
                             MatrixView<const double> hessian, const SpqrOptions &options,
                             const SolverServices &services);

/// One level of values by codes: low + step · code, both float16.
struct SecondLevel {
    float low = 0, step = 0;

    /// Spans the values. \param bits 1..8
    static SecondLevel of(std::span<const float> values, int bits);
    /// The stored value that is nearest.
    float nearest(float value, int bits) const;
};

} // namespace qs
