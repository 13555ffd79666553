#include "plugins/branch/branch_objective.h"

#include "plugins/support/run_blocks.h"

#include <cmath>
#include <numeric>

namespace qs {
namespace {

using Eigen::Index;
using RowMajorFloat = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using FloatMap = Eigen::Map<const RowMajorFloat>;

constexpr Index kBlock = 16; ///< rows of the weight that one task takes

FloatMap mapOf(MatrixView<const float> matrix) {
    return {matrix.data, matrix.rows, matrix.cols};
}

/// Adds a term per block of rows, joined in order.
Result<double> sumOverRows(Index rows, const SolverServices &services,
                           const std::function<double(Index first, Index count)> &term) {
    std::vector<double> terms(static_cast<std::size_t>((rows + kBlock - 1) / kBlock), 0.0);
    QS_CHECK_OK(runBlocks(rows, kBlock, services, [&](Index begin, Index end) {
        terms[static_cast<std::size_t>(begin / kBlock)] = term(begin, end - begin);
    }));
    return std::accumulate(terms.begin(), terms.end(), 0.0);
}

} // namespace

BranchObjective weightObjective(MatrixView<const float> weights, const SolverServices &services) {
    return [=](const RowMajorMatrix &branch, const RowMajorMatrix &quantized) -> Result<double> {
        QS_TRY(const double sum, sumOverRows(weights.rows, services, [&](Index first, Index count) {
                   return (mapOf(weights).middleRows(first, count).cast<double>() -
                           branch.middleRows(first, count) - quantized.middleRows(first, count))
                       .squaredNorm();
               }));
        return std::sqrt(sum);
    };
}

BranchObjective hessianObjective(MatrixView<const float> weights, MatrixView<const double> hessian,
                                 const SolverServices &services) {
    return [=](const RowMajorMatrix &branch, const RowMajorMatrix &quantized) -> Result<double> {
        const Eigen::Map<const RowMajorMatrix> h(hessian.data, hessian.rows, hessian.cols);
        return sumOverRows(weights.rows, services, [&](Index first, Index count) {
            const RowMajorMatrix error = mapOf(weights).middleRows(first, count).cast<double>() -
                                         branch.middleRows(first, count) - quantized.middleRows(first, count);
            return (error * h).cwiseProduct(error).sum();
        });
    };
}

BranchObjective outputObjective(MatrixView<const float> weights, MatrixView<const float> values,
                                MatrixView<const float> quantized, const SolverServices &services) {
    return [=](const RowMajorMatrix &branch, const RowMajorMatrix &codes) -> Result<double> {
        const RowMajorMatrix x = mapOf(values).cast<double>();
        const RowMajorMatrix xq = mapOf(quantized).cast<double>();
        QS_TRY(
            const double sum, sumOverRows(weights.rows, services, [&](Index first, Index count) {
                const RowMajorMatrix rest =
                    mapOf(weights).middleRows(first, count).cast<double>() - branch.middleRows(first, count);
                return (rest * x.transpose() - codes.middleRows(first, count) * xq.transpose()).squaredNorm();
            }));
        return std::sqrt(sum);
    };
}

} // namespace qs
