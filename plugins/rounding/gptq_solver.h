#pragma once

#include "plugins/rounding/hessian_factor.h"
#include "plugins/rounding/layer_grids.h"

namespace qs {

struct GptqOptions {
    GridSharing grid = GridSharing::PerRow;
    std::int64_t groupSize = 128; ///< PerGroup
    CodeRange range;
    RoundingMode rounding = RoundingMode::HalfEven;
    bool actOrder = false;     ///< largest diagonal of H first
    bool staticGroups = false; ///< fit the grids of all groups before any rounding
    bool keepBest = false;     ///< per row, fall back to round-to-nearest where that has the smaller error
    /// Fit grids as the authors' code does: per-row grids before dead columns are zeroed, and group grids on
    /// weights that lack the updates from within the current block.
    bool referenceCompat = false;
    double damping = 0.01;
    std::int64_t blockSize = 128; ///< columns per block; changes speed, and results only with referenceCompat
};

/// Buffers of the caller, sizes as in qs_quantize_result.
struct GptqResult {
    std::span<std::int16_t> codes;
    std::span<float> scales;
    std::span<std::int32_t> zeroPoints;
    std::span<std::int32_t> groupOfColumn;
};

/// What the solver reports about itself.
struct GptqReport {
    std::vector<double> rowError; ///< Σ e² = (w−q) H_d (w−q)ᵀ with the damped Hessian, of what GPTQ chose
    double damping = 0;           ///< λ that was used
    std::int64_t deadColumns = 0; ///< inputs that were always 0; their weights become 0
    std::int64_t rowsKept = 0;    ///< rows that keepBest left to round-to-nearest
};

/// Rounds columns in order; each takes in the errors of those before it, so that the layer's output is
/// preserved.
///
/// \param weights  float32 [rows, cols], finite, |w| <= 1e25
/// \param hessian  float64 [cols, cols]
/// \error InvalidArgument  of factorHessian; weights too large;  Cancelled
/// \thread parallel over rows; the result does not depend on the thread count
/// \source Frantar et al. 2022, arXiv:2210.17323; methods A, A2
Result<GptqReport> solveGptq(MatrixView<const float> weights, MatrixView<const double> hessian,
                             const GptqOptions &options, const SolverServices &services,
                             const GptqResult &result);

} // namespace qs
