#pragma once

#include "core/tensor/matrix_view.h"
#include "plugins/support/solver_services.h"

#include <Eigen/Core>
#include <vector>

namespace qs {

/// The Hessian as what a column wants to be, given the errors of all others: with errors e_k = w_k − q_k of
/// the other columns, the best value of column j is w_j + Σ_k e_k H_kj / H_jj. Columns are in processing
/// order.
/// \source methods A3 (the normalised Σ̃)
struct ColumnCoupling {
    std::vector<std::int32_t> order; ///< [cols] column at each processing position
    Eigen::VectorXd diagonal;        ///< [cols] H_jj by position
    /// [cols, cols] by position: H_kj / H_jj off the diagonal; 0 on it and in the columns of inputs that are
    /// (nearly) always 0, which are then simply rounded.
    Eigen::MatrixXf pull;
};

/// \param hessian    float64 [cols, cols], finite, symmetric
/// \param actOrder   columns by descending diagonal of H (stable)
/// \error Cancelled
Result<ColumnCoupling> coupleColumns(MatrixView<const double> hessian, bool actOrder,
                                     const SolverServices &services);

} // namespace qs
