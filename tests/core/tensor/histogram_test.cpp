#include "core/tensor/histogram.h"

#include "tests/support/lcg.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace qs {
namespace {

using Counts = std::vector<std::int64_t>;

Histogram withValues(double lo, double hi, int bins, const std::vector<float> &values) {
    Histogram histogram(lo, hi, bins);
    histogram.add(values);
    return histogram;
}

} // namespace

TEST(Histogram, LastBinIncludesTheUpperEnd) {
    const Histogram histogram = withValues(0, 4, 4, {0, 0.99f, 1, 2.5f, 3, 4});
    EXPECT_EQ(histogram.counts(), (Counts{2, 1, 1, 2}));
    EXPECT_EQ(histogram.total(), 6);
    EXPECT_EQ(histogram.binCenter(2), 2.5);
}

TEST(Histogram, ValuesOutsideAndNonFiniteOnesAreCountedApart) {
    const float inf = std::numeric_limits<float>::infinity();
    const Histogram histogram = withValues(-1, 1, 2, {-2, -3, 1.5f, inf, -inf, std::nanf(""), 0});
    EXPECT_EQ(histogram.counts(), (Counts{0, 1}));
    EXPECT_EQ(histogram.below(), 2);
    EXPECT_EQ(histogram.above(), 1);
    EXPECT_EQ(histogram.nonFinite(), 3);
}

TEST(Histogram, RangeWithoutWidthIsWidened) {
    for (float value : {0.0f, -3.0f, 1e30f}) {
        const Histogram histogram = withValues(value, value, 10, {value, value});
        EXPECT_LT(histogram.lo(), histogram.hi());
        EXPECT_EQ(histogram.total(), 2);
    }
}

TEST(Histogram, GrowingJoinsPairsTowardsTheNewValues) {
    Histogram histogram = withValues(0, 4, 4, {0.5f, 1.5f, 1.5f, 2.5f, 3.5f});
    histogram.addGrowing(std::vector<float>{7.5f});
    EXPECT_EQ(histogram.lo(), 0);
    EXPECT_EQ(histogram.hi(), 8);
    EXPECT_EQ(histogram.counts(), (Counts{3, 2, 0, 1}));
    histogram.addGrowing(std::vector<float>{-0.5f});
    EXPECT_EQ(histogram.lo(), -8);
    EXPECT_EQ(histogram.counts(), (Counts{0, 1, 5, 1}));
}

TEST(Histogram, GrowingOddBinsKeepsEveryValueInItsBin) {
    Histogram histogram = withValues(0, 5, 5, {0.5f, 1.5f, 2.5f, 3.5f, 4.5f});
    histogram.addGrowing(std::vector<float>{-4.5f});
    EXPECT_EQ(histogram.counts(), (Counts{1, 0, 1, 2, 2}));
    histogram.addGrowing(std::vector<float>{9});
    EXPECT_EQ(histogram.lo(), -5);
    EXPECT_EQ(histogram.hi(), 15);
    EXPECT_EQ(histogram.counts(), (Counts{1, 3, 2, 1, 0})); // [-5,-1) [-1,3) [3,7) [7,11) [11,15]
}

TEST(Histogram, GrowingEqualsCountingInTheFinalRange) {
    std::vector<float> values = test::toFloats(test::lcgNormals(50000, 4));
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] *= static_cast<float>(1 + i / 5000);
    Histogram growing(-0.25, 0.25, 2048);
    for (std::size_t i = 0; i < values.size(); i += 1000) {
        growing.addGrowing(std::span(values).subspan(i, 1000));
        EXPECT_EQ(growing.total(), static_cast<std::int64_t>(i + 1000));
    }
    EXPECT_EQ(growing.below() + growing.above(), 0);
    const Histogram direct = withValues(growing.lo(), growing.hi(), 2048, values);
    EXPECT_EQ(growing.counts(), direct.counts());
}

TEST(Histogram, GrowsOverTheWholeFloatRange) {
    const float largest = std::numeric_limits<float>::max();
    Histogram histogram(0, 1e-30, 64);
    histogram.addGrowing(std::vector<float>{largest, -largest, 0, std::numeric_limits<float>::infinity()});
    EXPECT_EQ(histogram.total(), 3);
    EXPECT_EQ(histogram.nonFinite(), 1);
    EXPECT_TRUE(std::isfinite(histogram.hi() - histogram.lo()));
}

TEST(Histogram, ComputingInParallelEqualsAddingAll) {
    const std::vector<float> values = test::toFloats(test::lcgNormals(1000001, 4));
    const Histogram expected = withValues(-3, 4, 777, values);
    for (int threads : {1, 2, 0}) {
        const Histogram found =
            computeHistogram(values, -3, 4, 777, RunContext{{}, nullptr, threads}).value();
        EXPECT_EQ(found.counts(), expected.counts());
        EXPECT_EQ(found.below(), expected.below());
        EXPECT_EQ(found.above(), expected.above());
    }
    std::stop_source source;
    source.request_stop();
    EXPECT_FALSE(
        computeHistogram(values, -3, 4, 777, RunContext{source.get_token(), nullptr, 0}).has_value());
}

} // namespace qs
