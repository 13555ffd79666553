#include "plugins/rounding/row_errors.h"

#include "plugins/support/run_blocks.h"

#include <Eigen/Core>
#include <atomic>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

namespace qs {
namespace {

using Eigen::Index;
using RowMajorD = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr Index kRows = 32;             ///< rows of one product
constexpr Index kWork = Index{1} << 28; ///< multiply-adds between two looks at Cancel: about 10 ms
constexpr float kLargestWeight = 1e25f; ///< feedback can grow values by 1e9; float ends at 3e38

/// Fills rows [first, first + rows of dst) of a difference.
using LoadRows = std::function<void(Index first, RowMajorD &dst)>;

Result<std::vector<double>> errorsOf(Index rows, MatrixView<const double> hessian, const LoadRows &load,
                                     const SolverServices &services, double damping) {
    // Symmetric, so that its memory order does not matter.
    const Eigen::Map<const Eigen::MatrixXd> matrix(hessian.data, hessian.rows, hessian.cols);
    const Index step = std::max<Index>(8, kWork / (kRows * std::max<Index>(hessian.cols, 1)));
    std::vector<double> errors(static_cast<std::size_t>(rows));
    QS_CHECK_OK(runBlocks(rows, kRows, services, [&](Index first, Index last) {
        RowMajorD difference(last - first, hessian.cols);
        load(first, difference);
        Eigen::VectorXd sums = damping * difference.rowwise().squaredNorm();
        for (Index col = 0; col < hessian.cols && !services.cancelled(); col += step) {
            const Index count = std::min(step, hessian.cols - col);
            const RowMajorD product = difference * matrix.middleCols(col, count);
            sums += product.cwiseProduct(difference.middleCols(col, count)).rowwise().sum();
        }
        std::copy(sums.begin(), sums.end(), errors.begin() + first);
    }));
    return errors;
}

} // namespace

Result<std::vector<double>> rowErrors(MatrixView<const float> weights, const LayerCodes &layer,
                                      MatrixView<const double> hessian, const SolverServices &services,
                                      double damping) {
    const LoadRows load = [&](Index first, RowMajorD &dst) {
        std::vector<float> values(static_cast<std::size_t>(weights.cols));
        for (Index row = 0; row < dst.rows(); ++row) {
            layer.values(first + row, values);
            for (Index col = 0; col < weights.cols; ++col)
                dst(row, col) =
                    static_cast<double>(weights(first + row, col)) - values[static_cast<std::size_t>(col)];
        }
    };
    return errorsOf(weights.rows, hessian, load, services, damping);
}

Result<std::vector<double>> rowErrors(MatrixView<const float> difference, MatrixView<const double> hessian,
                                      const SolverServices &services, double damping) {
    const LoadRows load = [&](Index first, RowMajorD &dst) {
        for (Index row = 0; row < dst.rows(); ++row)
            for (Index col = 0; col < difference.cols; ++col)
                dst(row, col) = difference(first + row, col);
    };
    return errorsOf(difference.rows, hessian, load, services, damping);
}

std::int64_t keepBetterRows(LayerCodes &layer, std::vector<double> &errors, const LayerCodes &other,
                            const std::vector<double> &otherErrors) {
    std::int64_t taken = 0;
    for (std::size_t row = 0; row < errors.size(); ++row)
        if (otherErrors[row] < errors[row]) {
            layer.copyRow(other, static_cast<std::int64_t>(row));
            errors[row] = otherErrors[row];
            ++taken;
        }
    return taken;
}

double sumOf(const std::vector<double> &errors) {
    return std::accumulate(errors.begin(), errors.end(), 0.0);
}

Status checkHessian(MatrixView<const double> hessian, const SolverServices &services) {
    std::atomic<bool> finite = true;
    QS_CHECK_OK(runBlocks(hessian.rows, 64, services, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
            double sum = 0; // NaN and Inf survive a product with 0
            for (double value : hessian.row(row))
                sum += value * 0.0;
            if (sum != 0.0)
                finite = false;
        }
    }));
    if (!finite)
        return fail(ErrorCode::InvalidArgument,
                    "the Hessian holds NaN or Inf; run calibration again on finite inputs");
    for (std::int64_t i = 0; i < hessian.rows; ++i)
        if (hessian(i, i) < 0.0)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the Hessian has {} at [{}, {}]; run calibration again on finite inputs",
                                    hessian(i, i), i, i));
    return {};
}

Status checkWeights(MatrixView<const float> weights) {
    for (std::int64_t row = 0; row < weights.rows; ++row)
        for (float value : weights.row(row))
            if (!(std::abs(value) <= kLargestWeight))
                return fail(ErrorCode::InvalidArgument,
                            fmt::format("row {} holds the weight {}; this method takes magnitudes up to {}",
                                        row, value, kLargestWeight));
    return {};
}

} // namespace qs
