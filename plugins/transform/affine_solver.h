#pragma once

#include "plugins/transform/rotation_matrix.h"
#include "plugins/transform/site.h"

namespace qs {

struct AffineOptions {
    int epochs = 20;
    int stepsPerEpoch = 10;
    double stability = 1e-2; ///< factor of everything off the diagonal
    double learningRate = 5e-3;
    double alpha = 0.5;        ///< of the SmoothQuant scale to start from
    bool diagonalOnly = false; ///< a scale per channel, no more
};

/// Number of diagonals (the main one counts as one) that may differ from 0 in an epoch:
/// floor((d − 1) / (epochs − 1) · epoch) + 1.
std::int64_t affineBands(std::int64_t channels, int epoch, int epochs);
/// 1 on the diagonal, `stability` on the next bands − 1 on both sides, 0 beyond.
SquareMatrix affineMask(std::int64_t channels, std::int64_t bands, double stability);
/// min_i (|A_ii| − Σ_{j≠i} |A_ij|): above 0 the matrix is invertible (Levy-Desplanques).
double diagonalDominance(const SquareMatrix &matrix);

struct AffineResult {
    SquareMatrix matrix;       ///< A: weights become W Aᵀ, inputs x A^{-1}
    SquareMatrix inverse;      ///< A^{-1} = R of the change
    double unchangedError = 0; ///< Σ tr(E H Eᵀ) / (2 Σ rows) of the site as it is
    double startError = 0;     ///< of the diagonal start
    double error = 0;          ///< of the result: the best that was met
    double dominance = 0;      ///< diagonalDominance(matrix)
    std::vector<double> trace; ///< error at the start of each epoch
};

/// Learns an invertible matrix with a mask that grows from the diagonal outwards, by Adam on the error of the
/// readers' outputs alone, Σ tr(E H Eᵀ) with E = Q(W Aᵀ) A^{-T} − W. The method learns on whole blocks with
/// rounded activations; this is its layer-wise form. The gradient passes rounding unchanged and knows how
/// grids widen with the ends of a row.
///
/// \param site  needs Hessian, minimum, maximum; taps = 1
/// \error InvalidArgument  no reader is quantized; Cancelled
/// \thread the result does not depend on the thread count
/// \source Ma et al. 2024, arXiv:2403.12544; methods A, A10
Result<AffineResult> learnAffine(const SiteData &site, const AffineOptions &options,
                                 const TransformServices &services);

/// Error and its gradient by the entries of A, for tests.
struct AffineGradient {
    double error = 0;
    SquareMatrix gradient;
};
AffineGradient affineGradient(const SiteData &site, const SquareMatrix &matrix, const SquareMatrix &inverse,
                              const TransformServices &services);

} // namespace qs
