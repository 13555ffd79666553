#include "plugins/rounding/hessian_factor.h"

#include "plugins/support/run_blocks.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

namespace qs {
namespace {

using Eigen::Index;

constexpr Index kPanel = 256;    ///< columns that one step of the factorisation eliminates
constexpr Index kTile = 256;     ///< edge of a tile of the trailing update: one unit of parallel work
constexpr Index kCopyRows = 16;  ///< rows copied at a time between row-major and column-major matrices
constexpr int kDampingTries = 6; ///< λ, 10 λ, … 10^5 λ

Status checkDiagonal(MatrixView<const double> hessian) {
    for (Index i = 0; i < hessian.rows; ++i)
        if (!(hessian(i, i) >= 0.0) || !std::isfinite(hessian(i, i)))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the Hessian has {} at [{}, {}]; run calibration again on finite inputs",
                                    hessian(i, i), i, i));
    return {};
}

/// The damped Hessian, last processed column first, so that its lower Cholesky factor is R turned around.
/// Only the lower triangle is filled.
Status copyReversed(MatrixView<const double> hessian, const HessianFactor &factor, Eigen::MatrixXd &matrix,
                    const SolverServices &services) {
    const Index size = hessian.rows;
    std::vector<char> finite(static_cast<std::size_t>((size + kCopyRows - 1) / kCopyRows), 1);
    QS_CHECK_OK(runBlocks(size, kCopyRows, services, [&](Index begin, Index end) {
        double sum = 0; // stays finite exactly when every entry is
        for (Index j = begin; j < end; ++j) {
            const Index column = factor.order[static_cast<std::size_t>(size - 1 - j)];
            const double *row = hessian.data + column * size;
            for (Index i = j; i < size; ++i) {
                matrix(i, j) = row[factor.order[static_cast<std::size_t>(size - 1 - i)]];
                sum += std::abs(matrix(i, j)) * 1e-9;
            }
            if (factor.dead[static_cast<std::size_t>(column)])
                matrix(j, j) = 1.0;
            matrix(j, j) += factor.addedToDiagonal;
        }
        finite[static_cast<std::size_t>(begin / kCopyRows)] = std::isfinite(sum) ? 1 : 0;
    }));
    if (std::find(finite.begin(), finite.end(), 0) != finite.end())
        return fail(ErrorCode::InvalidArgument,
                    "the Hessian holds NaN or Inf; run calibration again on finite inputs");
    return {};
}

/// Subtracts the outer product of the eliminated panel from what is right of and below it, tile by tile.
Status updateTrailing(Eigen::MatrixXd &matrix, Index begin, Index panelSize, const SolverServices &services) {
    const Index first = begin + panelSize;
    const Index tiles = (matrix.rows() - first + kTile - 1) / kTile;
    return runBlocks(tiles * tiles, 1, services, [&](Index tile, Index) {
        const Index row = tile / tiles;
        const Index col = tile % tiles;
        if (row < col)
            return;
        const Index r0 = first + row * kTile;
        const Index c0 = first + col * kTile;
        const Index rows = std::min(kTile, matrix.rows() - r0);
        const Index cols = std::min(kTile, matrix.rows() - c0);
        auto target = matrix.block(r0, c0, rows, cols);
        const auto left = matrix.block(r0, begin, rows, panelSize);
        if (row == col)
            target.selfadjointView<Eigen::Lower>().rankUpdate(left, -1.0);
        else
            target.noalias() -= left * matrix.block(c0, begin, cols, panelSize).transpose();
    });
}

/// Lower Cholesky factor in place. \return false when the matrix is not positive definite
Result<bool> choleskyInPlace(Eigen::MatrixXd &matrix, const SolverServices &services) {
    const Index size = matrix.rows();
    for (Index begin = 0; begin < size; begin += kPanel) {
        services.progress(begin, size, "factoring the Hessian");
        const Index panelSize = std::min(kPanel, size - begin);
        auto diagonal = matrix.block(begin, begin, panelSize, panelSize);
        Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>> llt(diagonal);
        // LLT lets NaN pass as positive.
        if (llt.info() != Eigen::Success || !diagonal.diagonal().allFinite())
            return false;
        const Index below = begin + panelSize;
        QS_CHECK_OK(runBlocks(size - below, kTile, services, [&](Index first, Index last) {
            auto rows = matrix.block(below + first, begin, last - first, panelSize);
            diagonal.triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(rows);
        }));
        QS_CHECK_OK(updateTrailing(matrix, begin, panelSize, services));
    }
    return true;
}

/// Turns the factor around again and divides each column by its diagonal.
Status extractFeedback(const Eigen::MatrixXd &lower, HessianFactor &factor, const SolverServices &services) {
    const Index size = lower.rows();
    factor.diagonal = lower.diagonal().reverse();
    factor.feedback.resize(size, size);
    return runBlocks(size, kCopyRows, services, [&](Index begin, Index end) {
        for (Index j = begin; j < end; ++j) {
            auto column = factor.feedback.col(j);
            column.head(j) = (lower.col(size - 1 - j).tail(j).reverse() / factor.diagonal[j]).cast<float>();
            column[j] = 1.0f;
            column.tail(size - 1 - j).setZero();
        }
    });
}

} // namespace

Result<HessianFactor> factorHessian(MatrixView<const double> hessian, const FactorOptions &options,
                                    const SolverServices &services) {
    QS_CHECK_OK(checkDiagonal(hessian));
    const Index size = hessian.rows;
    HessianFactor factor;
    factor.dead.resize(static_cast<std::size_t>(size));
    std::vector<double> diagonal(static_cast<std::size_t>(size));
    for (Index i = 0; i < size; ++i) {
        factor.dead[static_cast<std::size_t>(i)] = hessian(i, i) == 0.0;
        diagonal[static_cast<std::size_t>(i)] = hessian(i, i) == 0.0 ? 1.0 : hessian(i, i);
    }
    factor.order.resize(static_cast<std::size_t>(size));
    std::iota(factor.order.begin(), factor.order.end(), 0);
    if (options.actOrder)
        std::stable_sort(factor.order.begin(), factor.order.end(), [&](std::int32_t a, std::int32_t b) {
            return diagonal[static_cast<std::size_t>(a)] > diagonal[static_cast<std::size_t>(b)];
        });

    const double mean = std::accumulate(diagonal.begin(), diagonal.end(), 0.0) / static_cast<double>(size);
    Eigen::MatrixXd matrix(size, size);
    factor.damping = options.damping;
    for (int attempt = 0; attempt < kDampingTries; ++attempt, factor.damping *= 10.0) {
        factor.addedToDiagonal = factor.damping * mean;
        QS_CHECK_OK(copyReversed(hessian, factor, matrix, services));
        QS_TRY(const bool positive, choleskyInPlace(matrix, services));
        if (!positive)
            continue;
        if (attempt > 0)
            services.warn(
                fmt::format("the Hessian is not positive definite with damping {}; used {} instead. "
                            "Calibrate with more samples.",
                            options.damping, factor.damping));
        QS_CHECK_OK(extractFeedback(matrix, factor, services));
        return factor;
    }
    return fail(
        ErrorCode::InvalidArgument,
        fmt::format("the Hessian is not positive definite, not even with damping {}; calibrate with more "
                    "samples or raise the damping",
                    factor.damping / 10.0));
}

} // namespace qs
