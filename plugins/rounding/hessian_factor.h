#pragma once

#include "core/base/result.h"
#include "core/tensor/matrix_view.h"
#include "plugins/support/solver_services.h"

#include <Eigen/Core>
#include <vector>

namespace qs {

struct FactorOptions {
    bool actOrder = false; ///< process columns by descending diagonal of H (stable)
    double damping = 0.01; ///< λ: this share of the mean diagonal is added to the diagonal, > 0
};

/// The damped Hessian of a layer as a recipe for spreading rounding errors.
///
/// With the columns in processing order, H_d = H + λ mean(diag H) I = R Rᵀ with R upper triangular. The error
/// of a quantized row, (w−q) H_d (w−q)ᵀ, is then the sum over columns j of (R_jj (t_j − q_j))², where t_j =
/// w_j + Σ_{k<j} (w_k − q_k) R_kj / R_jj is the value that column j should round. \source methods A 0.8
/// (reversed Cholesky) and A2 invariant iv: the same decisions as GPTQ's updates with
///         U = R^{-1}, without inverting R
struct HessianFactor {
    std::vector<std::int32_t> order; ///< [cols] column at each processing position
    std::vector<bool> dead;          ///< [cols] by column: the input was always 0
    Eigen::MatrixXf feedback;        ///< [cols, cols] R_kj / R_jj above a diagonal of ones; zero below
    Eigen::VectorXd diagonal;        ///< [cols] R_jj > 0
    double damping = 0;         ///< λ that was used, larger than asked for when H was not positive definite
    double addedToDiagonal = 0; ///< λ mean(diag H)
};

/// Factors a Hessian, raising the damping tenfold (reported through services.warn) while it is not positive
/// definite. \param hessian  float64 [cols, cols], symmetric \error InvalidArgument  NaN or Inf in the
/// Hessian; a diagonal entry below zero; not positive definite at any damping \error Cancelled \thread
/// parallel; the result does not depend on the thread count
Result<HessianFactor> factorHessian(MatrixView<const double> hessian, const FactorOptions &options,
                                    const SolverServices &services);

} // namespace qs
