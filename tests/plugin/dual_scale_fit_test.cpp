#include "plugins/grid/dual_scale_fit.h"

#include "tests/support/solver_fixture.h"

#include <gmock/gmock.h>

namespace qs::test {
namespace {

DualScaleFit fit(const RowMajorF &weights, const DualScaleOptions &options = {}) {
    auto result = fitDualScales(viewOf(weights), options, {});
    EXPECT_TRUE(result);
    return result ? *result : DualScaleFit{};
}

RowMajorD reconstruct(const DualScaleFit &fit, Eigen::Index rows, Eigen::Index cols,
                      const DualScaleOptions &options = {}) {
    const Eigen::Index size = options.groupSize > 0 ? options.groupSize : cols;
    const Eigen::Index groups = (cols + size - 1) / size;
    const auto bits = static_cast<std::size_t>(options.bits);
    RowMajorD values(rows, cols);
    for (Eigen::Index i = 0; i < rows; ++i)
        for (Eigen::Index j = 0; j < cols; ++j) {
            const std::span<const double> scales(
                fit.scales.data() + static_cast<std::size_t>(i * groups + j / size) * bits, bits);
            values(i, j) = fit.columns[static_cast<std::size_t>(j)] *
                           dualScaleLevels(scales)[fit.signs[static_cast<std::size_t>(i * cols + j)]];
        }
    return values;
}

/// Fixture B with columns of different size: where column scales have something to do.
RowMajorF unevenColumns() {
    RowMajorD weights = normalMatrix(16, 48, 7);
    const RowMajorD exponents = normalMatrix(1, 48, 77);
    for (Eigen::Index j = 0; j < 48; ++j)
        weights.col(j) *= std::exp(exponents(0, j));
    return weights.cast<float>();
}

TEST(DualScaleFit, FixtureAGivesTheNumbersOfTheOracle) {
    const DualScaleFit result = fit(fixtureA().weights);
    const std::vector<double> scales = {0.97914, 0.436982, 1.00266, 0.444896};
    const std::vector<double> columns = {0.718732, 0.423972, 0.734491, 0.7697};
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_NEAR(result.scales[i], scales[i], 1e-5);
        EXPECT_NEAR(result.columns[i], columns[i], 1e-5);
    }
    EXPECT_NEAR(result.objective[1], 0.240247, 1e-6);
    EXPECT_NEAR(result.objective[2], 0.237489, 1e-6);
    EXPECT_NEAR(result.objective.back(), 0.237474, 1e-6);
    const std::vector<double> values = {1.017812,  -0.22986, 0.39821,   1.089989,
                                        -0.400883, 0.613723, -1.063217, 0.429311};
    const RowMajorD reconstructed = reconstruct(result, 2, 4);
    for (std::size_t i = 0; i < 8; ++i)
        EXPECT_NEAR(reconstructed.data()[i], values[i], 1e-5);
}

TEST(DualScaleFit, UnevenColumnsGiveTheErrorsOfTheOracle) {
    const RowMajorF weights = unevenColumns();
    const DualScaleFit result = fit(weights);
    EXPECT_NEAR(result.objective[1], 187.77, 0.01);
    EXPECT_NEAR(result.objective[2], 170.272, 0.01);
    EXPECT_NEAR(result.objective.back(), 159.739, 0.01);
    EXPECT_NEAR((weights.cast<double>() - reconstruct(result, 16, 48)).squaredNorm(), result.objective.back(),
                1e-9);
    DualScaleOptions plain;
    plain.fitColumns = false;
    EXPECT_GT(fit(weights, plain).objective.back(), 2 * result.objective.back());
}

TEST(DualScaleFit, NoRoundRaisesTheError) {
    for (int bits : {2, 3})
        for (bool columns : {false, true})
            for (std::int64_t groupSize : {0, 20})
                for (std::uint32_t seed = 1; seed < 8; ++seed) {
                    const RowMajorF weights = normalMatrix(9, 48, seed).cast<float>();
                    const DualScaleOptions options{bits, groupSize, 30, columns};
                    const DualScaleFit result = fit(weights, options);
                    for (std::size_t i = 1; i < result.objective.size(); ++i)
                        EXPECT_LE(result.objective[i], result.objective[i - 1] * (1 + 1e-12));
                    EXPECT_LT(result.objective.back(), result.objective.front());
                    EXPECT_NEAR((weights.cast<double>() - reconstruct(result, 9, 48, options)).squaredNorm(),
                                result.objective.back(), 1e-9);
                }
}

TEST(DualScaleFit, ThreeBitsFitBetterThanTwo) {
    const RowMajorF weights = unevenColumns();
    DualScaleOptions three;
    three.bits = 3;
    EXPECT_LT(fit(weights, three).objective.back(), 0.5 * fit(weights).objective.back());
}

TEST(DualScaleFit, WeightsOfTheModelComeBackExactly) {
    RowMajorD weights(3, 40);
    const RowMajorD noise = normalMatrix(3, 40, 12);
    const std::vector<double> large = {1.0, 0.5, 2.0}, small = {0.3, 0.1, 0.7};
    for (Eigen::Index i = 0; i < 3; ++i)
        for (Eigen::Index j = 0; j < 40; ++j) {
            const auto row = static_cast<std::size_t>(i);
            weights(i, j) =
                (j % 2 == 0 ? large[row] : -large[row]) + (noise(i, j) > 0 ? small[row] : -small[row]);
        }
    DualScaleOptions options;
    options.fitColumns = false;
    EXPECT_LT(fit(weights.cast<float>(), options).objective.back(), 1e-10);
}

TEST(DualScaleFit, DeadColumnsAndRowsStayFinite) {
    RowMajorF weights = normalMatrix(6, 12, 3).cast<float>();
    weights.col(4).setZero();
    weights.row(2).setZero();
    weights.row(3).setConstant(0.5f);
    for (int bits : {2, 3}) {
        DualScaleOptions options;
        options.bits = bits;
        const DualScaleFit result = fit(weights, options);
        for (double column : result.columns)
            EXPECT_TRUE(std::isfinite(column) && column > 0);
        for (double scale : result.scales)
            EXPECT_TRUE(std::isfinite(scale) && scale >= 0);
        EXPECT_NEAR(reconstruct(result, 6, 12, options).row(2).norm(), 0, 1e-9);
    }
}

TEST(DualScaleFit, ThreadsDoNotChangeTheResult) {
    const RowMajorF weights = normalMatrix(500, 60, 9).cast<float>();
    const DualScaleOptions options{3, 32, 10, true};
    const auto one = fitDualScales(viewOf(weights), options, onThreads(1));
    const auto two = fitDualScales(viewOf(weights), options, onThreads(2));
    ASSERT_TRUE(one && two);
    EXPECT_EQ(one->columns, two->columns);
    EXPECT_EQ(one->scales, two->scales);
    EXPECT_EQ(one->signs, two->signs);
}

TEST(DualScaleFit, OtherBitsAreRefused) {
    DualScaleOptions options;
    options.bits = 4;
    const RowMajorF weights = fixtureA().weights;
    const auto result = fitDualScales(viewOf(weights), options, {});
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message, testing::HasSubstr("2 or 3 bits"));
}

} // namespace
} // namespace qs::test
