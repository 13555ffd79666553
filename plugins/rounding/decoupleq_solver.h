#pragma once

#include "plugins/rounding/row_errors.h"

#include <optional>

namespace qs {

struct DecoupleQOptions {
    int alternations = 4;  ///< of codes and grids
    double damping = 0.01; ///< share of the mean diagonal of H that is added to its diagonal
    bool actOrder = true;  ///< codes are chosen by descending diagonal of H
    /// Shares of the min-max range, evenly from 1 down to 0.2, that are tried before the first alternation; 0
    /// = min-max. The authors' code tries 160.
    int rangeCandidates = 32;
    bool keepBest = true; ///< per row, round-to-nearest on the grid of the recipe where that is better
    /// The zero point that a symmetric convention prescribes: only scales are free then.
    std::optional<int> fixedZero;
};

struct DecoupleQResult {
    LayerCodes layer;              ///< with real zero points
    std::vector<double> rowErrors; ///< of what is stored, without damping
    std::vector<double> objective; ///< Σ d H_d dᵀ: at the start, then after each alternation
    std::int64_t rowsKept = 0;     ///< rows that keepBest left to round-to-nearest
};

/// Codes by error feedback on fixed grids and grids by least squares for fixed codes, in turn; a row takes a
/// change only if its damped error d H_d dᵀ falls. Stage 1 of the paper (layer by layer); its stage 2, the
/// training of blocks, is not done.
///
/// \param weights  float32 [rows, cols], finite, |w| <= 1e25
/// \param scheme   per row or per group; realZeros is set by the solver
/// \param hessian  float64 [cols, cols]
/// \error InvalidArgument  of checkWeights and factorHessian;  Cancelled
/// \thread parallel over rows; the result does not depend on the thread count
/// \source Guo et al. 2024, arXiv:2404.12759; methods A4
Result<DecoupleQResult> solveDecoupleQ(MatrixView<const float> weights, SliceScheme scheme,
                                       MatrixView<const double> hessian, const DecoupleQOptions &options,
                                       const SolverServices &services);

} // namespace qs
