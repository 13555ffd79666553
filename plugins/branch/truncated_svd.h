#pragma once

#include "core/base/result.h"
#include "plugins/support/solver_services.h"

#include <Eigen/Core>

namespace qs {

using RowMajorMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// matrix is about up · down, the best product of this rank.
struct LowRankFactors {
    RowMajorMatrix up;              ///< [rows, rank] U sqrt(S)
    RowMajorMatrix down;            ///< [rank, cols] sqrt(S) V^T
    Eigen::VectorXd singularValues; ///< [rank] descending
};

/// The leading singular vectors of a matrix.
///
/// Up to 128 rows or columns by a complete decomposition. Beyond, by a randomised one (two power iterations,
/// ten more directions than asked for): what it leaves is 1 to 2 % larger than it must be where singular
/// values hardly fall, nearly the best where they do, and exact when the rank is full.
///
/// \param rank  clipped to 0..min(rows, cols)
/// \param seed  of the random directions
/// \error Cancelled
/// \thread parallel; the result does not depend on the thread count
/// \source Halko, Martinsson, Tropp 2011, arXiv:0909.4061, algorithm 4.4 and 5.1
Result<LowRankFactors> truncatedSvd(const RowMajorMatrix &matrix, Eigen::Index rank, std::uint64_t seed,
                                    const SolverServices &services);

/// Whether truncatedSvd() is randomised for this size.
bool isRandomised(Eigen::Index rows, Eigen::Index cols);

/// left · right, in blocks of rows. \error Cancelled \thread parallel; does not depend on the thread count
Result<RowMajorMatrix> multiply(const RowMajorMatrix &left, const RowMajorMatrix &right,
                                const SolverServices &services);

} // namespace qs
