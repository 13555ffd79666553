#include "plugins/transform/norm_reparameterization.h"
#include "tests/plugin/transform_site.h"

#include <gtest/gtest.h>

namespace qs::test {
namespace {

/// What a LayerNorm with unequal gains and biases gives: methods A, oracle of A13.
RowMajorD normOutputs() {
    RowMajorD values = normalMatrix(64, 4, 5);
    for (Eigen::Index row = 0; row < 64; ++row) {
        values.row(row).array() -= values.row(row).mean();
        values.row(row) /= std::sqrt(values.row(row).squaredNorm() / 4);
    }
    const Eigen::RowVector4d gain(1, 2, 0.5, 1), bias(0.1, -0.5, 0.2, 1.0);
    values.array().rowwise() *= gain.array();
    values.rowwise() += bias;
    return values;
}

std::vector<float> sortedColumn(const RowMajorF &values, Eigen::Index col) {
    std::vector<float> column(values.col(col).begin(), values.col(col).end());
    std::sort(column.begin(), column.end());
    return column;
}

double columnError(const std::vector<float> &values, ChannelRange range, int bits) {
    const double highest = (1 << bits) - 1, step = (range.hi - range.lo) / highest;
    const double zeroPoint = std::nearbyint(-range.lo / step);
    double sum = 0;
    for (float value : values) {
        const double code = std::clamp(std::nearbyint(value / step) + zeroPoint, 0.0, highest);
        sum += std::pow(value - step * (code - zeroPoint), 2);
    }
    return sum;
}

TEST(PercentileRange, TheErrorDecidesBetweenTheQuantiles) {
    std::vector<float> values(10001, 0.0f);
    std::fill(values.begin() + 5000, values.end(), 0.5f);
    std::fill(values.end() - 5, values.end(), 1.0f); // above the 0.9995 quantile
    // At 2 bits 0.5 is a level only of the narrow range; at 8 bits clipping 1 costs more than rounding.
    EXPECT_EQ(percentileRange(values, 2).hi, 0.5);
    EXPECT_EQ(percentileRange(values, 8).hi, 1.0);
}

TEST(PercentileRange, QuantilesInterpolate) {
    std::vector<float> values(1001);
    for (std::size_t index = 0; index < values.size(); ++index)
        values[index] = static_cast<float>(index);
    const ChannelRange range = percentileRange(values, 8);
    EXPECT_NEAR(range.lo, 1000 * (1 - 0.999), 1e-9);
    EXPECT_NEAR(range.hi, 999, 1e-9);
}

TEST(NormReparameterization, CodesAreThoseOfTheChannelsAndTheOutputStays) {
    const RowMajorD inputs = normOutputs();
    const SiteFixture fixture(inputs, weightsA());
    for (int bits : {4, 6, 8}) {
        const auto result = reparameterizeNorm(fixture.site, {bits, false, 0.5, 26}, fixture.services());
        ASSERT_TRUE(result);
        EXPECT_EQ(differingCodes(fixture.site, *result, bits), 0) << "of 256 at " << bits;
        EXPECT_LT(outputChange(inputs, weightsA(), result->change), 1e-12);
        EXPECT_EQ(result->zeroPoint, std::nearbyint(result->zeroPoint));
    }
}

TEST(NormReparameterization, DifferingCodesAreCounted) {
    const SiteFixture fixture(normOutputs(), weightsA());
    auto result = reparameterizeNorm(fixture.site, {4, false, 0.5, 26}, fixture.services());
    ASSERT_TRUE(result);
    result->change.shift[1] += static_cast<float>(result->grids.step[1]);
    EXPECT_GT(differingCodes(fixture.site, *result, 4), 40);
}

TEST(NormReparameterization, EqualChannelsNeedNoChange) {
    RowMajorD inputs = normalMatrix(64, 1, 5) * RowMajorD::Ones(1, 3);
    const SiteFixture fixture(inputs, RowMajorD::Ones(1, 3));
    const auto result = reparameterizeNorm(fixture.site, {8, false, 0.5, 26}, fixture.services());
    ASSERT_TRUE(result);
    EXPECT_EQ(result->change.scale, std::vector<float>(3, 1.0f));
    EXPECT_EQ(result->change.shift, std::vector<float>(3, 0.0f));
}

TEST(NormReparameterization, DeadChannelsDoNotBlowUpTheGain) {
    RowMajorD inputs = normOutputs();
    inputs.col(2).setConstant(0.25);
    const SiteFixture fixture(inputs, weightsA());
    const auto result = reparameterizeNorm(fixture.site, {8, false, 0.5, 26}, fixture.services());
    ASSERT_TRUE(result);
    EXPECT_EQ(result->flooredChannels, 1);
    for (float scale : result->change.scale)
        EXPECT_GE(scale, 0.9e-3f);
    EXPECT_LT(outputChange(inputs, weightsA(), result->change), 1e-6);
    // A site that never moves has nothing to gain, but must not break.
    const SiteFixture silent(RowMajorD::Zero(8, 4), weightsA());
    const auto none = reparameterizeNorm(silent.site, {8, false, 0.5, 26}, silent.services());
    ASSERT_TRUE(none);
    EXPECT_EQ(none->change.scale, std::vector<float>(4, 1.0f));
}

TEST(DualClipping, NeverRaisesTheErrorAndFactorOneIsTheSame) {
    RowMajorD values = normalMatrix(300, 3, 17);
    values(5, 0) = 30;
    values(7, 1) = -25;
    const SiteFixture fixture(values, RowMajorD::Ones(1, 3));
    for (Eigen::Index col = 0; col < 3; ++col) {
        const std::vector<float> sorted = sortedColumn(fixture.inputs(), col);
        const ChannelRange range = percentileRange(sorted, 4);
        const ChannelRange clipped = dualClippedRange(sorted, range, 4, 0.5, 26);
        EXPECT_LE(columnError(sorted, clipped, 4), columnError(sorted, range, 4));
        const ChannelRange same = dualClippedRange(sorted, range, 4, 1.0, 2);
        EXPECT_EQ(same.lo, range.lo);
        EXPECT_EQ(same.hi, range.hi);
    }
    const std::vector<float> outlier = sortedColumn(fixture.inputs(), 0);
    EXPECT_LT(columnError(outlier, dualClippedRange(outlier, {-3, 30}, 4, 0.3, 51), 4),
              0.9 * columnError(outlier, {-3, 30}, 4));
}

TEST(NormReparameterization, ThreadsDoNotChangeTheResult) {
    const SiteFixture fixture(inputsB(), weightsB());
    TransformServices one = fixture.services(), two = fixture.services();
    one.maxThreads = 1;
    two.maxThreads = 2;
    const ReparameterizationOptions options{4, true, 0.5, 11};
    EXPECT_EQ(reparameterizeNorm(fixture.site, options, one)->change.scale,
              reparameterizeNorm(fixture.site, options, two)->change.scale);
}

} // namespace
} // namespace qs::test
