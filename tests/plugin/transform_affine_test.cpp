#include "plugins/transform/affine_solver.h"
#include "plugins/transform/site_error.h"
#include "plugins/transform/smooth_scale.h"
#include "tests/plugin/transform_site.h"

#include <Eigen/LU>
#include <gtest/gtest.h>

namespace qs::test {
namespace {

TEST(AffineMask, BandsGrowAsInTheOracle) {
    std::vector<std::int64_t> bands;
    for (int epoch = 0; epoch < 4; ++epoch)
        bands.push_back(affineBands(6, epoch, 4));
    EXPECT_EQ(bands, (std::vector<std::int64_t>{1, 2, 4, 6}));
    EXPECT_EQ(affineBands(6, 0, 1), 6); // the schedule of one epoch would divide by 0
    const SquareMatrix mask = affineMask(6, 4, 0.1);
    EXPECT_EQ(Eigen::RowVectorXd(mask.row(0)), (Eigen::RowVectorXd(6) << 1, 0.1, 0.1, 0.1, 0, 0).finished());
    EXPECT_EQ(mask, SquareMatrix(mask.transpose()));
}

TEST(DiagonalDominance, IsTheLeastMarginOfARow) {
    SquareMatrix matrix(2, 2);
    matrix << 2, -0.5, 1, 1.25;
    EXPECT_DOUBLE_EQ(diagonalDominance(matrix), 0.25);
}

/// Rounding that a difference quotient can see through: each weight misses by a fixed share of its row's
/// width.
TransformServices smoothRounding(const SiteFixture &fixture, const RowMajorD &shares) {
    TransformServices services = fixture.services();
    services.quantize = [shares](std::size_t, std::span<const float> weights, std::span<float> values) {
        const auto cols = static_cast<std::size_t>(shares.cols());
        for (std::size_t begin = 0; begin < weights.size(); begin += cols) {
            const auto row = weights.subspan(begin, cols);
            const auto [lo, hi] = std::minmax_element(row.begin(), row.end());
            for (std::size_t col = 0; col < cols; ++col)
                values[begin + col] =
                    row[col] + static_cast<float>(shares(static_cast<Eigen::Index>(begin / cols),
                                                         static_cast<Eigen::Index>(col))) *
                                   (*hi - *lo);
        }
    };
    return services;
}

TEST(AffineGradient, AgreesWithDifferences) {
    SiteFixture fixture(normalMatrix(40, 5, 31), normalMatrix(3, 5, 32));
    fixture.setBits(3, 0);
    const TransformServices services = smoothRounding(fixture, 0.1 * normalMatrix(3, 5, 33));
    const SquareMatrix matrix = SquareMatrix::Identity(5, 5) + 0.2 * normalMatrix(5, 5, 34);
    auto errorOf = [&](const SquareMatrix &at) {
        return affineGradient(fixture.site, at, at.inverse(), services).error;
    };
    const AffineGradient gradient = affineGradient(fixture.site, matrix, matrix.inverse(), services);
    const double step = 2e-3; // weights pass through float32
    for (Eigen::Index row = 0; row < 5; ++row)
        for (Eigen::Index col = 0; col < 5; ++col) {
            SquareMatrix above = matrix, below = matrix;
            above(row, col) += step;
            below(row, col) -= step;
            const double quotient = (errorOf(above) - errorOf(below)) / (2 * step);
            EXPECT_NEAR(gradient.gradient(row, col), quotient, 1e-3 * gradient.gradient.cwiseAbs().maxCoeff())
                << row << ", " << col;
        }
}

TEST(LearnAffine, BeatsItsDiagonalStartAndKeepsTheOutput) {
    SiteFixture fixture(inputsB(), weightsB());
    fixture.setBits(3, 0);
    const AffineOptions options{6, 20, 0.1, 2e-2, 0.5};
    const auto result = learnAffine(fixture.site, options, fixture.services());
    ASSERT_TRUE(result);
    ChannelChange start = ChannelChange::none(48);
    start.scale = smoothScale(inputMagnitude(fixture.site), weightMagnitude(fixture.site), options.alpha);
    // The first epoch is a diagonal: what SmoothQuant's scale gives.
    EXPECT_NEAR(result->startError, *weightOutputError(fixture.site, start.scale, fixture.services()),
                1e-4 * result->startError);
    EXPECT_LT(result->error, 0.9 * result->startError);
    EXPECT_LE(result->error, result->unchangedError);
    EXPECT_GT(result->dominance, 0);
    const RowMajorD before = inputsB() * weightsB().transpose();
    const RowMajorD after = (inputsB() * result->inverse) * (result->matrix * weightsB().transpose());
    EXPECT_LT((after - before).cwiseAbs().maxCoeff() / before.cwiseAbs().maxCoeff(), 1e-10);
}

TEST(LearnAffine, NeverWorseThanNothing) {
    SiteFixture fixture(inputsA(), weightsA());
    for (int bits : {2, 3, 4}) {
        fixture.setBits(bits, 0);
        const auto result =
            learnAffine(fixture.site, AffineOptions{3, 5, 0.1, 5e-3, 0.5}, fixture.services());
        ASSERT_TRUE(result);
        EXPECT_LE(result->error, result->unchangedError);
        EXPECT_NEAR(affineGradient(fixture.site, result->matrix, result->inverse, fixture.services()).error,
                    result->error, 1e-12);
    }
}

TEST(LearnAffine, CancelEndsIt) {
    SiteFixture fixture(inputsA(), weightsA());
    TransformServices services = fixture.services();
    services.cancelled = [] { return true; };
    const auto result = learnAffine(fixture.site, AffineOptions{}, services);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::Cancelled);
}

} // namespace
} // namespace qs::test
