#include "core/quant/region_grid.h"

#include "tests/support/lcg.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

std::vector<float> roundedAll(const std::vector<float> &values, const RegionGrid &grid, int bits) {
    const Tensor result =
        regionQuantize(Tensor::fromValues<float>(Shape{static_cast<std::int64_t>(values.size())}, values),
                       grid, bits, RoundingMode::HalfEven);
    return {result.values<float>().begin(), result.values<float>().end()};
}

double meanSquaredError(const std::vector<float> &values, const RegionGrid &grid, int bits) {
    const std::vector<float> rounded = roundedAll(values, grid, bits);
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i)
        sum += std::pow(static_cast<double>(values[i]) - rounded[i], 2);
    return sum / static_cast<double>(values.size());
}

Histogram histogramOf(const std::vector<float> &values) {
    const auto [lo, hi] = std::ranges::minmax(values);
    Histogram histogram(lo, hi, 4096);
    histogram.add(values);
    return histogram;
}

RegionChoice choose(const std::vector<float> &values, int bits) {
    const auto [lo, hi] = std::ranges::minmax(values);
    return chooseRegions(histogramOf(values), lo, hi, bits, RoundingMode::HalfEven);
}

/// GELU(1.5 · N(0, 1)), the activation of methods A8.
std::vector<float> gelu() {
    std::vector<float> values;
    for (const double normal : test::lcgNormals(65536, 7)) {
        const double x = 1.5 * normal;
        values.push_back(static_cast<float>(0.5 * x * (1 + std::erf(x / std::sqrt(2.0)))));
    }
    return values;
}

TEST(RegionGrid, FourBitsHaveEightStepsOnBothSidesOfZero) {
    const RegionGrid grid{1.0f, 2}; // below 0 in quarters
    EXPECT_THAT(roundedAll({0.0f, 0.4f, 3.4f, 7.2f, 100.0f}, grid, 4), testing::ElementsAre(0, 0, 3, 7, 7));
    EXPECT_THAT(roundedAll({-0.1f, -0.3f, -1.9f, -2.0f, -50.0f}, grid, 4),
                testing::ElementsAre(0, -0.25f, -2, -2, -2));
    std::vector<float> all = roundedAll({-9, 9}, grid, 2);
    EXPECT_THAT(all, testing::ElementsAre(-0.5f, 1));
    // Half to even on both sides.
    EXPECT_THAT(roundedAll({0.5f, 1.5f, -0.125f, -0.375f}, grid, 4), testing::ElementsAre(0, 2, 0, -0.5f));
}

/// The section found shift 4 and 0.01442, and 0.01241 on a plain grid, on numbers of its own.
TEST(RegionGrid, BehindGeluTheNegativeStepIsSixteenTimesFinerAndThePlainGridStillBetter) {
    const RegionChoice choice = choose(gelu(), 4);
    EXPECT_EQ(choice.grid.shift, 4);
    EXPECT_NEAR(choice.squaredError, 0.01442, 0.0005);
    EXPECT_LT(choice.plainSquaredError, choice.squaredError);
    EXPECT_GT(choice.plainSquaredError, 0.010);
}

TEST(RegionGrid, NoFixedShiftIsBetterThanTheChosenOne) {
    const std::vector<float> values = gelu();
    const double largest = std::ranges::max(values);
    const RegionChoice choice = choose(values, 4);
    EXPECT_NEAR(meanSquaredError(values, choice.grid, 4), choice.squaredError, 0.01 * choice.squaredError);
    for (int shift = 0; shift <= kMaxRegionShift; ++shift)
        for (const double share : {0.3, 0.5, 0.7, 1.0}) {
            const RegionGrid grid{static_cast<float>(share * largest / 7), shift};
            EXPECT_GE(meanSquaredError(values, grid, 4), 0.99 * choice.squaredError) << shift << ' ' << share;
        }
}

TEST(RegionGrid, TwoRegionsAreBetterWhereTheNegativeTailIsShortAndHeavy) {
    std::vector<float> values; // most values between -0.16 and 0, few up to 6
    for (int i = 0; i < 4000; ++i)
        values.push_back(i % 20 == 0 ? 6.0f * static_cast<float>(i) / 4000
                                     : -0.16f * static_cast<float>(i % 97) / 97);
    const RegionChoice choice = choose(values, 4);
    EXPECT_LT(choice.squaredError, 0.8 * choice.plainSquaredError);
    EXPECT_GE(choice.grid.shift, 4);
}

TEST(RegionGrid, SymmetricActivationsGetOneStep) {
    std::vector<float> values;
    for (const double normal : test::lcgNormals(20000, 3))
        values.push_back(static_cast<float>(normal));
    EXPECT_EQ(choose(values, 6).grid.shift, 0);
    EXPECT_GT(choose({-3, -2, -1}, 4).grid.step, 0.0f); // nothing above 0
    EXPECT_GT(choose({0, 0, 0}, 4).grid.step, 0.0f);
}

} // namespace
} // namespace qs
