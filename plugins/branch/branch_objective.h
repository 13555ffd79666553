#pragma once

#include "plugins/branch/low_rank_branch.h"

namespace qs {

/// |W - L - Q| (Frobenius).
BranchObjective weightObjective(MatrixView<const float> weights, const SolverServices &services);

/// tr((W - L - Q) H (W - L - Q)^T). \param hessian  [cols, cols]; must outlive the objective
BranchObjective hessianObjective(MatrixView<const float> weights, MatrixView<const double> hessian,
                                 const SolverServices &services);

/// |X W^T - X L^T - Xq Q^T| (Frobenius): the branch reads the inputs as they are, the codes read them
/// quantized. \param values, quantized  [tokens, cols]; must outlive the objective
BranchObjective outputObjective(MatrixView<const float> weights, MatrixView<const float> values,
                                MatrixView<const float> quantized, const SolverServices &services);

} // namespace qs
