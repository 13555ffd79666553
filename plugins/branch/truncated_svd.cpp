#include "plugins/branch/truncated_svd.h"

#include "core/base/random.h"
#include "plugins/support/run_blocks.h"

#include <Eigen/Eigenvalues>
#include <Eigen/SVD>
#include <algorithm>
#include <cmath>

namespace qs {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;

constexpr Index kExactSize = 128;
constexpr Index kOversampling = 10;
constexpr int kPowerIterations = 2;
constexpr Index kBlock = 64; ///< rows of a product that one task makes

/// U S V^T as two factors of the same weight.
LowRankFactors splitEvenly(const MatrixXd &left, const Eigen::VectorXd &values, const MatrixXd &right) {
    const Eigen::VectorXd roots = values.cwiseMax(0.0).cwiseSqrt();
    return {left * roots.asDiagonal(), roots.asDiagonal() * right.transpose(), values};
}

LowRankFactors completeSvd(const RowMajorMatrix &matrix, Index rank) {
    const Eigen::BDCSVD<MatrixXd> svd(matrix, Eigen::ComputeThinU | Eigen::ComputeThinV);
    return splitEvenly(svd.matrixU().leftCols(rank), svd.singularValues().head(rank),
                       svd.matrixV().leftCols(rank));
}

/// left · right with right [inner, few].
Result<MatrixXd> tall(const RowMajorMatrix &left, const MatrixXd &right, const SolverServices &services) {
    MatrixXd product(left.rows(), right.cols());
    QS_CHECK_OK(runBlocks(left.rows(), kBlock, services, [&](Index begin, Index end) {
        product.middleRows(begin, end - begin).noalias() = left.middleRows(begin, end - begin) * right;
    }));
    return product;
}

/// left^T · right with right [rows, few].
Result<MatrixXd> tallTransposed(const RowMajorMatrix &left, const MatrixXd &right,
                                const SolverServices &services) {
    MatrixXd product(left.cols(), right.cols());
    QS_CHECK_OK(runBlocks(left.cols(), kBlock, services, [&](Index begin, Index end) {
        product.middleRows(begin, end - begin).noalias() =
            left.middleCols(begin, end - begin).transpose() * right;
    }));
    return product;
}

/// Gram-Schmidt, twice per column. Columns that depend on those before become zero.
Status orthonormalise(MatrixXd &basis, const SolverServices &services) {
    constexpr double kDependent = 1e-12; ///< what is left of a column, as a share of it
    for (Index j = 0; j < basis.cols(); ++j) {
        if (services.cancelled())
            return RunContext::cancelledError();
        const double before = basis.col(j).norm();
        const auto done = basis.leftCols(j);
        for (int pass = 0; pass < 2; ++pass)
            basis.col(j) -= done * (done.transpose() * basis.col(j));
        const double after = basis.col(j).norm();
        if (after > kDependent * before)
            basis.col(j) /= after;
        else
            basis.col(j).setZero();
    }
    return {};
}

MatrixXd randomDirections(Index rows, Index cols, std::uint64_t seed) {
    Random random(seed);
    MatrixXd directions(rows, cols);
    for (double &value : directions.reshaped())
        value = random.normal();
    return directions;
}

/// An orthonormal basis [rows, size] of nearly the leading left singular vectors.
Result<MatrixXd> leadingBasis(const RowMajorMatrix &matrix, Index size, std::uint64_t seed,
                              const SolverServices &services) {
    QS_TRY(MatrixXd basis, tall(matrix, randomDirections(matrix.cols(), size, seed), services));
    QS_CHECK_OK(orthonormalise(basis, services));
    for (int i = 0; i < kPowerIterations; ++i) {
        QS_TRY(MatrixXd back, tallTransposed(matrix, basis, services));
        QS_CHECK_OK(orthonormalise(back, services));
        QS_TRY(basis, tall(matrix, back, services));
        QS_CHECK_OK(orthonormalise(basis, services));
    }
    return basis;
}

Result<LowRankFactors> randomisedSvd(const RowMajorMatrix &matrix, Index rank, std::uint64_t seed,
                                     const SolverServices &services) {
    const Index size = std::min(rank + kOversampling, std::min(matrix.rows(), matrix.cols()));
    QS_TRY(const MatrixXd basis, leadingBasis(matrix, size, seed, services));
    QS_TRY(const MatrixXd projected, tallTransposed(matrix, basis, services)); // [cols, size]
    // Only the directions come from the Gram matrix; the factor `down` is a projection of the matrix itself.
    const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(projected.transpose() * projected);
    const MatrixXd rotation = solver.eigenvectors().rowwise().reverse().leftCols(rank);
    const MatrixXd scaled = projected * rotation; // V S
    LowRankFactors factors;
    factors.singularValues = scaled.colwise().norm();
    Eigen::VectorXd inverseRoots = factors.singularValues.cwiseSqrt();
    for (double &root : inverseRoots)
        root = root > 0 ? 1 / root : 0;
    factors.up = basis * rotation * factors.singularValues.cwiseSqrt().asDiagonal();
    factors.down = (scaled * inverseRoots.asDiagonal()).transpose();
    return factors;
}

} // namespace

bool isRandomised(Index rows, Index cols) {
    return std::min(rows, cols) > kExactSize;
}

Result<LowRankFactors> truncatedSvd(const RowMajorMatrix &matrix, Index rank, std::uint64_t seed,
                                    const SolverServices &services) {
    rank = std::clamp<Index>(rank, 0, std::min(matrix.rows(), matrix.cols()));
    if (rank == 0)
        return LowRankFactors{RowMajorMatrix(matrix.rows(), 0), RowMajorMatrix(0, matrix.cols()), {}};
    if (isRandomised(matrix.rows(), matrix.cols()))
        return randomisedSvd(matrix, rank, seed, services);
    return completeSvd(matrix, rank);
}

Result<RowMajorMatrix> multiply(const RowMajorMatrix &left, const RowMajorMatrix &right,
                                const SolverServices &services) {
    RowMajorMatrix product(left.rows(), right.cols());
    QS_CHECK_OK(runBlocks(left.rows(), kBlock, services, [&](Index begin, Index end) {
        product.middleRows(begin, end - begin).noalias() = left.middleRows(begin, end - begin) * right;
    }));
    return product;
}

} // namespace qs
