#include "plugins/grid/hqq_fit.h"

#include "core/tensor/convert.h"
#include "tests/support/solver_fixture.h"

#include <gmock/gmock.h>

namespace qs::test {
namespace {

HqqOptions withBits(int bits, bool stopTogether = false) {
    HqqOptions options;
    options.range = {0, (1 << bits) - 1};
    options.stopTogether = stopTogether;
    return options;
}

HqqFit fit(const RowMajorF &weights, const HqqOptions &options, std::int64_t groupSize = 0) {
    Slices slices = rowSlices(weights);
    if (groupSize > 0)
        slices.groupSize = groupSize;
    auto result = fitHqq(valuesOf(weights), slices, options, {});
    EXPECT_TRUE(result);
    return result ? *result : HqqFit{};
}

double rowError(const RowMajorF &weights, Eigen::Index row, float scale, float zero,
                const HqqOptions &options) {
    double sum = 0;
    for (float value : weights.row(row))
        sum += std::abs(value - scale * (hqqCode(value, scale, zero, options) - static_cast<double>(zero)));
    return sum;
}

/// The heavy-tailed matrix of methods A, A5: one element in a hundred is six times as large.
RowMajorF heavyTailed() {
    RowMajorD weights = normalMatrix(64, 64, 99);
    std::uint32_t state = 5;
    for (double &value : std::span<double>(weights.data(), 4096)) {
        state = 1664525u * state + 1013904223u;
        if (state / 4294967296.0 > 0.99)
            value *= 6;
    }
    return weights.cast<float>();
}

TEST(HqqFit, FixtureAGivesTheNumbersOfTheOracle) {
    const RowMajorF weights = fixtureA().weights;
    const HqqOptions options = withBits(2);
    const HqqFit result = fit(weights, options);
    EXPECT_NEAR(result.scales[0], 0.533333, 1e-6);
    EXPECT_NEAR(result.scales[1], 0.55, 1e-6);
    EXPECT_NEAR(result.zeroPoints[0], 0.75, 1e-6);
    EXPECT_NEAR(result.zeroPoints[1], 2.0, 1e-6);
    EXPECT_NEAR(result.meanError.back(), 0.0875, 1e-6);
    const std::vector<int> expected = {2, 0, 1, 3, 1, 3, 0, 2};
    for (Eigen::Index i = 0; i < 8; ++i)
        EXPECT_EQ(hqqCode(weights.data()[i], result.scales[static_cast<std::size_t>(i / 4)],
                          result.zeroPoints[static_cast<std::size_t>(i / 4)], options),
                  expected[static_cast<std::size_t>(i)]);
}

TEST(HqqFit, StoppingTogetherGivesTheErrorsOfTheOracle) {
    const HqqFit b = fit(fixtureB().weights, withBits(3, true));
    const std::vector<double> expected = {0.146696, 0.145463, 0.144483, 0.143979, 0.143344, 0.142648};
    for (std::size_t i = 0; i < expected.size(); ++i)
        EXPECT_NEAR(b.meanError[i], expected[i], 2e-6) << i;
    EXPECT_NEAR(b.meanError.back(), 0.140824, 2e-6);
    const HqqFit heavy = fit(heavyTailed(), withBits(4, true));
    EXPECT_NEAR(heavy.meanError.front(), 0.100376, 2e-6);
    EXPECT_NEAR(heavy.meanError.back(), 0.097972, 2e-6);
}

TEST(HqqFit, EverySliceKeepsItsBestZeroPoint) {
    const RowMajorF weights = heavyTailed();
    const HqqOptions options = withBits(3);
    HqqOptions start = options;
    start.iterations = 1;
    const HqqFit first = fit(weights, start);
    const HqqFit last = fit(weights, options);
    EXPECT_EQ(first.scales, last.scales);
    double sum = 0;
    int better = 0;
    for (Eigen::Index row = 0; row < 64; ++row) {
        const auto i = static_cast<std::size_t>(row);
        const double before = rowError(weights, row, first.scales[i], first.zeroPoints[i], options);
        const double after = rowError(weights, row, last.scales[i], last.zeroPoints[i], options);
        EXPECT_LE(after, before);
        better += after < before ? 1 : 0;
        sum += after;
    }
    EXPECT_GT(better, 32);
    EXPECT_NEAR(last.meanError.back(), sum / 4096, 1e-12);
}

TEST(HqqFit, NormOneIsThePlainSoftThreshold) {
    // One iteration by hand: codes of the first zero point, shrunken errors, mean.
    RowMajorF weights(1, 4);
    weights << 0.0f, 1.0f, 2.4f, 7.0f;
    HqqOptions options = withBits(3);
    options.norm = 1.0;
    options.beta = 4.0;
    options.stopTogether = false;
    options.iterations = 2;
    // scale 1, zero point 0: codes 0 1 2 7, errors 0 0 0.4 0, shrunken 0.15; the mean of code - (w - e) is
    // -(0.4 - 0.15) / 4. With it the errors are 0.0625 0.0625 0.3375 0.0625: worse, so the first one stays.
    const HqqFit result = fit(weights, options);
    EXPECT_FLOAT_EQ(result.zeroPoints[0], 0.0f);
    // Seven equal errors instead: the zero point follows them.
    RowMajorF many(1, 9);
    many << 0.0f, 1.4f, 2.4f, 3.4f, 4.4f, 5.4f, 6.4f, 2.4f, 7.0f;
    const HqqFit moved = fit(many, options);
    EXPECT_NEAR(moved.zeroPoints[0], -7 * (0.4 - 0.15) / 9 + 0.0, 1e-6);
}

TEST(HqqFit, OneValueIsKeptExactly) {
    RowMajorF weights(3, 4);
    weights << -0.75f, -0.75f, -0.75f, -0.75f, 0, 0, 0, 0, 1e20f, 1e20f, 1e20f, 1e20f;
    const HqqOptions options = withBits(4);
    const HqqFit result = fit(weights, options);
    for (Eigen::Index row = 0; row < 3; ++row) {
        const auto i = static_cast<std::size_t>(row);
        const float value = weights(row, 0);
        const auto code = static_cast<float>(hqqCode(value, result.scales[i], result.zeroPoints[i], options));
        EXPECT_EQ(result.scales[i] * (code - result.zeroPoints[i]), value);
    }
}

TEST(HqqFit, Float16ScalesAndZeroPointsAreStorable) {
    HqqOptions options = withBits(4);
    options.float16 = true;
    const HqqFit result = fit(heavyTailed(), options, 16);
    ASSERT_EQ(result.scales.size(), 256u);
    for (std::size_t i = 0; i < result.scales.size(); ++i) {
        EXPECT_EQ(float16ToFloat(floatToFloat16(result.scales[i])), result.scales[i]);
        EXPECT_EQ(float16ToFloat(floatToFloat16(result.zeroPoints[i])), result.zeroPoints[i]);
    }
}

TEST(HqqFit, ThreadsDoNotChangeTheResult) {
    const RowMajorF weights = normalMatrix(300, 1000, 4).cast<float>();
    for (std::int64_t groupSize : {0, 64, 1000}) {
        const Slices slices{300, 1000, groupSize};
        const auto one = fitHqq(valuesOf(weights), slices, withBits(3), onThreads(1));
        const auto two = fitHqq(valuesOf(weights), slices, withBits(3), onThreads(2));
        ASSERT_TRUE(one && two);
        EXPECT_EQ(one->zeroPoints, two->zeroPoints);
        EXPECT_EQ(one->meanError, two->meanError);
    }
}

TEST(HqqFit, CancelEndsIt) {
    const RowMajorF weights = normalMatrix(100, 100, 4).cast<float>();
    const auto result = fitHqq(valuesOf(weights), {100, 100, 0}, withBits(3), cancelledAfter(3));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::Cancelled);
}

} // namespace
} // namespace qs::test
