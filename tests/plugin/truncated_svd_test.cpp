#include "plugins/branch/truncated_svd.h"

#include "tests/support/solver_fixture.h"

#include <Eigen/SVD>
#include <gmock/gmock.h>

namespace qs::test {
namespace {

LowRankFactors decompose(const RowMajorD &matrix, Eigen::Index rank, const SolverServices &services = {}) {
    auto factors = truncatedSvd(matrix, rank, 1, services);
    EXPECT_TRUE(factors);
    return factors ? *factors : LowRankFactors{};
}

double rest(const RowMajorD &matrix, const LowRankFactors &factors) {
    return (matrix - factors.up * factors.down).norm();
}

/// What the best approximation of a rank leaves.
double smallestRest(const RowMajorD &matrix, Eigen::Index rank) {
    const Eigen::BDCSVD<Eigen::MatrixXd> svd(matrix);
    return svd.singularValues().tail(svd.singularValues().size() - rank).norm();
}

/// Larger than what is decomposed completely; singular values fall like 1 / (1 + k / 8).
RowMajorD decayingMatrix() {
    const Eigen::MatrixXd left =
        Eigen::BDCSVD<Eigen::MatrixXd>(normalMatrix(220, 180, 1), Eigen::ComputeThinU).matrixU();
    const Eigen::MatrixXd right =
        Eigen::BDCSVD<Eigen::MatrixXd>(normalMatrix(300, 180, 2), Eigen::ComputeThinU).matrixU();
    const Eigen::VectorXd values = (1 + Eigen::ArrayXd::LinSpaced(180, 0, 179) / 8).inverse();
    return left * values.asDiagonal() * right.transpose();
}

TEST(TruncatedSvd, FixtureAGivesTheFactorOfTheOracle) {
    const RowMajorD weights = fixtureA().exact;
    const LowRankFactors all = decompose(weights, 2);
    EXPECT_NEAR(all.singularValues[0], 1.813923, 1e-6);
    EXPECT_NEAR(all.singularValues[1], 1.111163, 1e-6);
    EXPECT_NEAR(rest(weights, all), 0, 1e-12);
    const LowRankFactors one = decompose(weights, 1);
    RowMajorD expected(2, 4);
    expected << 0.89451, -0.513772, 0.719776, 0.665673, -0.706946, 0.406042, -0.568851, -0.526092;
    EXPECT_LT((one.up * one.down - expected).cwiseAbs().maxCoeff(), 1e-6);
    EXPECT_NEAR(one.up.norm(), one.down.norm(), 1e-9);
}

TEST(TruncatedSvd, RandomisedIsCloseToTheBest) {
    const RowMajorD matrix = decayingMatrix();
    for (Eigen::Index rank : {1, 8, 32, 64}) {
        const double best = smallestRest(matrix, rank);
        const double got = rest(matrix, decompose(matrix, rank));
        EXPECT_GE(got, best * (1 - 1e-12)) << rank;
        EXPECT_LE(got, best * 1.015) << rank;
    }
    // A flat spectrum is the hardest case.
    const RowMajorD noise = normalMatrix(200, 260, 5);
    EXPECT_LE(rest(noise, decompose(noise, 16)), 1.015 * smallestRest(noise, 16));
}

TEST(TruncatedSvd, RandomisedSingularValuesAreCloseToTheTrueOnes) {
    const LowRankFactors factors = decompose(decayingMatrix(), 16);
    for (Eigen::Index k = 0; k < 16; ++k)
        EXPECT_NEAR(factors.singularValues[k], 1 / (1 + static_cast<double>(k) / 8), 5e-3);
}

TEST(TruncatedSvd, FullRankIsExact) {
    const RowMajorD matrix = normalMatrix(150, 140, 7);
    EXPECT_LT(rest(matrix, decompose(matrix, 140)), 1e-9 * matrix.norm());
    EXPECT_LT(rest(matrix, decompose(matrix, 1000)), 1e-9 * matrix.norm());
}

TEST(TruncatedSvd, LowRankMatricesComeBack) {
    const RowMajorD matrix = normalMatrix(300, 5, 1) * normalMatrix(5, 200, 2);
    EXPECT_LT(rest(matrix, decompose(matrix, 5)), 1e-9 * matrix.norm());
    // More directions than the matrix has.
    const LowRankFactors more = decompose(matrix, 20);
    EXPECT_LT(rest(matrix, more), 1e-9 * matrix.norm());
    EXPECT_TRUE(more.up.allFinite() && more.down.allFinite());
    EXPECT_EQ(rest(RowMajorD::Zero(200, 200), decompose(RowMajorD::Zero(200, 200), 4)), 0);
}

TEST(TruncatedSvd, RankZeroIsEmpty) {
    const LowRankFactors factors = decompose(normalMatrix(3, 4, 1), 0);
    EXPECT_EQ(factors.up.rows(), 3);
    EXPECT_EQ(factors.up.cols(), 0);
    EXPECT_EQ(factors.down.cols(), 4);
}

TEST(TruncatedSvd, ThreadsDoNotChangeTheResult) {
    const RowMajorD matrix = decayingMatrix();
    const LowRankFactors one = decompose(matrix, 12, onThreads(1));
    const LowRankFactors two = decompose(matrix, 12, onThreads(2));
    EXPECT_EQ(one.up, two.up);
    EXPECT_EQ(one.down, two.down);
}

TEST(TruncatedSvd, CancelEndsIt) {
    const auto factors = truncatedSvd(normalMatrix(200, 200, 1), 8, 1, cancelledAfter(20));
    ASSERT_FALSE(factors);
    EXPECT_EQ(factors.error().code, ErrorCode::Cancelled);
}

} // namespace
} // namespace qs::test
