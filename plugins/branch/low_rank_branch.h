#pragma once

#include "core/tensor/matrix_view.h"
#include "plugins/branch/truncated_svd.h"

namespace qs {

/// weight = quantized + up · down. What the methods of this family share.
struct BranchProblem {
    MatrixView<const float> weights;
    /// `values` as they come back from the quantizer of the recipe.
    std::function<Status(const RowMajorMatrix &values, RowMajorMatrix &dequantized)> quantize;
    /// The latest quantized matrix is the one to keep; may be called again for a better one.
    std::function<void()> keep = [] {};
    Eigen::Index rank = 32;
    std::uint64_t seed = 0;
    bool float16 = true; ///< the factors are stored as float16 and rounded before anything is built on them
};

struct BranchFit {
    RowMajorMatrix up;             ///< [rows, rank]
    RowMajorMatrix down;           ///< [rank, cols]
    std::vector<double> objective; ///< after every iteration that was run
    std::size_t best = 0;          ///< the iteration whose result this is
};

/// Quantizes first, then gives the branch what is lost: the best low-rank fit of W - Q, with the error of
/// each column weighted.
/// \param columnWeights  [cols] > 0 and finite; empty = all the same
/// \error InvalidArgument  the factors leave the range of float16;  Cancelled;  errors of quantize
/// \source Zhang et al. 2024, arXiv:2402.02446 (LQER, L2QER); methods A, A18
Result<BranchFit> fitErrorBranch(const BranchProblem &problem, const Eigen::VectorXd &columnWeights,
                                 const SolverServices &services);

/// L2QER's weights from mean magnitudes of the inputs: at least 1e-4, divided by the geometric mean of the
/// smallest and the largest.
Eigen::VectorXd activationWeights(std::span<const float> meanMagnitudes);

/// How bad a branch and a quantized matrix are together; smaller is better.
using BranchObjective =
    std::function<Result<double>(const RowMajorMatrix &branch, const RowMajorMatrix &quantized)>;

/// In turn: the branch takes the best low-rank fit of what was not quantized, the quantizer takes what the
/// branch leaves. Starts with nothing quantized and ends when the objective rises; the best is kept.
/// \param iterations  at most, >= 1
/// \error as fitErrorBranch
/// \source Guo et al. 2023, arXiv:2311.12023 (LQ-LoRA); Li et al. 2024, arXiv:2411.05007 (SVDQuant);
///         methods A, A16 and A17
Result<BranchFit> alternateBranch(const BranchProblem &problem, int iterations,
                                  const BranchObjective &objective, const SolverServices &services);

} // namespace qs
