#include "core/quant/range_rule.h"

#include "core/quant/range_search.h"
#include "tests/support/lcg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <numeric>

namespace qs {
namespace {

using Kind = RangeRule::Kind;

GridScheme scheme(int bits, GridConvention convention, Kind kind) {
    GridScheme result{bits, convention, {}, RoundingMode::HalfEven};
    result.rule.kind = kind;
    return result;
}

GridScheme squaredError(int bits) {
    GridScheme result = scheme(bits, GridConvention::SymmetricRestricted, Kind::Mse);
    result.rule.norm = 2;
    result.rule.maxShrink = 0.99;
    return result;
}

/// |N(0,1)|·20000 with five outliers, the worked example of methods A1.
std::vector<float> outlierExample() {
    std::vector<float> values = test::toFloats(test::lcgNormals(20000, 3));
    for (float &value : values)
        value = std::fabs(value);
    const float outliers[] = {9, 10, 11, 12, 14};
    std::copy(std::begin(outliers), std::end(outliers), values.begin());
    return values;
}

double symmetricMax(const std::vector<float> &values, const GridScheme &grid) {
    const ValueRange range = chooseRange(values, grid);
    EXPECT_DOUBLE_EQ(range.lo, -range.hi);
    return range.hi;
}

} // namespace

TEST(RangeRule, NamesRoundTrip) {
    for (Kind kind : {Kind::MinMax, Kind::Percentile, Kind::Mse, Kind::Kl})
        EXPECT_EQ(rangeRuleFromName(rangeRuleName(kind)).value(), kind);
    EXPECT_THAT(rangeRuleFromName("max").error().message,
                testing::HasSubstr("minmax, percentile, mse or kl"));
}

TEST(RangeRule, PercentileOfTheOutlierExampleMatchesNumpy) {
    GridScheme grid = scheme(8, GridConvention::SymmetricRestricted, Kind::Percentile);
    grid.rule.percentile = 99.9;
    EXPECT_NEAR(symmetricMax(outlierExample(), grid), 3.438917723068581, 1e-6);
    grid.rule.percentile = 99.99;
    EXPECT_NEAR(symmetricMax(outlierExample(), grid), 11.0001, 1e-4);
    grid.rule.percentile = 100;
    EXPECT_EQ(symmetricMax(outlierExample(), grid), 14);
}

TEST(RangeRule, EntropyOfTheOutlierExampleMatchesNumpy) {
    // From the numpy script of the method specification; bits 8 is its worked example 3.93.
    const std::pair<int, double> expected[] = {
        {8, 3.9306640625}, {4, 3.677734375}, {3, 3.2060546875}, {2, 2.5908203125}};
    for (auto [bits, amax] : expected)
        EXPECT_DOUBLE_EQ(
            symmetricMax(outlierExample(), scheme(bits, GridConvention::SymmetricRestricted, Kind::Kl)),
            amax);
    // Values of one sign have all 2^b codes of an asymmetric grid for themselves.
    const ValueRange unsignedRange =
        chooseRange(outlierExample(), scheme(8, GridConvention::Asymmetric, Kind::Kl));
    EXPECT_DOUBLE_EQ(unsignedRange.hi, 3.6435546875);
}

TEST(RangeRule, SquaredErrorOfTheOutlierExampleMatchesNumpy) {
    const std::pair<int, double> expected[] = {{8, 12.74}, {4, 2.66}, {3, 1.96}, {2, 1.26}};
    for (auto [bits, amax] : expected)
        EXPECT_NEAR(symmetricMax(outlierExample(), squaredError(bits)), amax, 1e-9) << bits;
}

TEST(RangeRule, MseSearchOfFixtureAMatchesTheSpecification) {
    const GridScheme grid = scheme(3, GridConvention::Asymmetric, Kind::Mse);
    const std::vector<float> row0{0.9f, -0.4f, 0.3f, 1.2f}, row1{-0.7f, 0.55f, -1.1f, 0.15f};
    EXPECT_NEAR(chooseRange(row0, grid).hi, 1.2, 1e-6);
    EXPECT_NEAR(gridCostReference(row0, {}, {-0.4, 1.2}, grid), 0.003891, 1e-6);
    EXPECT_NEAR(chooseRange(row1, grid).lo, 0.97 * -1.1, 1e-6);
    EXPECT_NEAR(gridCostReference(row1, {}, {-1.1, 0.55}, grid), 0.00722, 1e-5);
    EXPECT_NEAR(gridCostReference(row1, {}, {0.97 * -1.1, 0.97 * 0.55}, grid), 0.006124, 1e-6);
}

TEST(RangeRule, ShrinkSearchAgreesWithThePlainLoop) {
    const std::vector<float> values = test::toFloats(test::lcgNormals(1500, 21));
    for (RoundingMode rounding : {RoundingMode::HalfEven, RoundingMode::HalfAway, RoundingMode::Floor})
        for (GridConvention convention :
             {GridConvention::Asymmetric, GridConvention::SymmetricOffset,
              GridConvention::SymmetricRestricted, GridConvention::SymmetricFull}) {
            GridScheme grid = scheme(3, convention, Kind::Mse);
            grid.rounding = rounding;
            const ValueRange full{-4, 4};
            double best = 1, smallest = gridCostReference(values, {}, full, grid);
            for (int i = 1; i < 80; ++i) {
                const double p = 1.0 - i / 100.0;
                const double cost = gridCostReference(values, {}, {p * full.lo, p * full.hi}, grid);
                if (cost < smallest) {
                    smallest = cost;
                    best = p;
                }
            }
            EXPECT_DOUBLE_EQ(bestShrink(values, {}, full, grid, RunContext{}).value(), best);
        }
}

TEST(RangeRule, EntropyDivergenceOfTheToyExample) {
    const std::vector<double> counts{1, 0, 2, 3, 5, 3, 1, 7};
    EXPECT_NEAR(entropyDivergence(counts, 8, 2), 0.150315, 1e-6);
}

TEST(RangeRule, EntropyKeepsAllOfDataThatIsUniform) {
    EXPECT_EQ(entropyClipBins(std::vector<double>(2048, 5), 128), 2048);
    EXPECT_EQ(entropyClipBins(std::vector<double>(2048, 0), 128), 2048);
    EXPECT_EQ(entropyClipBins({3, 1}, 128), 2);
}

TEST(RangeRule, EntropyIgnoresTheSpikeOfZeros) {
    std::vector<float> values = outlierExample();
    const GridScheme grid = scheme(8, GridConvention::SymmetricRestricted, Kind::Kl);
    const double without = symmetricMax(values, grid);
    values.resize(values.size() + 100000, 0.0f);
    EXPECT_NEAR(symmetricMax(values, grid), without, 0.02);
}

TEST(RangeRule, EveryRuleHandlesSlicesWithoutWidth) {
    for (Kind kind : {Kind::MinMax, Kind::Percentile, Kind::Mse, Kind::Kl})
        for (GridConvention convention : {GridConvention::Asymmetric, GridConvention::SymmetricRestricted}) {
            const GridScheme grid = scheme(4, convention, kind);
            EXPECT_EQ(chooseRange({}, grid).hi, 0);
            EXPECT_EQ(chooseRange(std::vector<float>(9, 0.0f), grid).hi, 0);
            const std::vector<float> constant(9, -2.0f);
            EXPECT_EQ(dequantizeValue(quantizeValue(-2.0f, fitGrid(constant, grid, false),
                                                    codeRange(4, convention), grid.rounding),
                                      fitGrid(constant, grid, false)),
                      -2.0f);
        }
}

TEST(RangeRule, PercentileOfMostlyZerosFallsBackToMinMax) {
    std::vector<float> values(100000, 0.0f);
    values[7] = 3;
    for (GridConvention convention : {GridConvention::Asymmetric, GridConvention::SymmetricFull}) {
        const GridScheme grid = scheme(8, convention, Kind::Percentile);
        EXPECT_EQ(chooseRange(values, grid).hi, 3);
    }
}

TEST(RangeRule, HistogramVersionsAgreeWithTheValues) {
    const std::vector<float> values = outlierExample();
    Histogram histogram(0, 14, 2048);
    histogram.add(values);
    auto amax = [&](const GridScheme &grid) { return chooseRangeFromHistogram(histogram, 0, 14, grid).hi; };
    for (int bits : {8, 4, 3, 2}) {
        const GridScheme entropy = scheme(bits, GridConvention::SymmetricRestricted, Kind::Kl);
        EXPECT_NEAR(amax(entropy), symmetricMax(values, entropy), 1e-9);
        EXPECT_NEAR(amax(squaredError(bits)), symmetricMax(values, squaredError(bits)), 0.15);
    }
    GridScheme percentile = scheme(8, GridConvention::SymmetricRestricted, Kind::Percentile);
    percentile.rule.percentile = 99.9;
    EXPECT_NEAR(amax(percentile), 3.4384765625, 1e-9); // left edge of the first bin that reaches the share
    percentile.rule.percentile = 100;
    EXPECT_EQ(amax(percentile), 14);
}

TEST(RangeRule, HistogramOfBothSignsClipsBothSides) {
    std::vector<float> values = test::toFloats(test::lcgNormals(200000, 5));
    values[0] = -30;
    values[1] = 20;
    Histogram histogram(-30, 20, 8192);
    histogram.add(values);
    for (GridConvention convention : {GridConvention::Asymmetric, GridConvention::SymmetricRestricted})
        for (Kind kind : {Kind::Percentile, Kind::Mse, Kind::Kl}) {
            const GridScheme grid = scheme(4, convention, kind);
            const ValueRange exact = chooseRange(values, grid);
            const ValueRange streamed = chooseRangeFromHistogram(histogram, -30, 20, grid);
            EXPECT_LT(exact.hi, 12) << rangeRuleName(kind);
            EXPECT_NEAR(streamed.lo, exact.lo, 0.3) << rangeRuleName(kind);
            EXPECT_NEAR(streamed.hi, exact.hi, 0.3) << rangeRuleName(kind);
        }
}

/// Of so few values the largest alone is more than the share that is left out.
TEST(RangeRule, AnOutlierAmongFewValuesIsClippedAsWithoutHistogram) {
    std::vector<float> values = test::toFloats(test::lcgNormals(9000, 5));
    values[0] = 50;
    Histogram histogram(-50, 50, 8192);
    histogram.add(values);
    const auto smallest = std::ranges::min(values);
    for (GridConvention convention : {GridConvention::Asymmetric, GridConvention::SymmetricRestricted}) {
        const GridScheme grid = scheme(8, convention, Kind::Percentile); // 99.99
        const ValueRange exact = chooseRange(values, grid);
        const ValueRange streamed = chooseRangeFromHistogram(histogram, smallest, 50, grid);
        EXPECT_LT(exact.hi, 45);
        EXPECT_NEAR(streamed.hi, exact.hi, 0.1);
        EXPECT_NEAR(streamed.lo, exact.lo, 0.1);
    }
}

/// The percentile of the values lies in the bound that was told from bins alone, wherever they lie in them.
TEST(RangeRule, PercentileOfValuesLiesInTheBoundFromBins) {
    std::vector<std::vector<float>> sets;
    for (const std::size_t count : {3U, 40U, 5000U}) {
        const std::vector<float> normal = test::toFloats(test::lcgNormals(count, count));
        sets.push_back(normal);
        auto &skewed = sets.emplace_back(normal);
        for (float &value : skewed)
            value = std::exp(2 * value) - 0.01F;
        auto &edges = sets.emplace_back(normal);
        for (float &value : edges) // at the ends of bins of width 1/64
            value = std::floor(value * 64) / 64;
    }
    for (const std::vector<float> &values : sets)
        for (const GridConvention convention :
             {GridConvention::Asymmetric, GridConvention::SymmetricRestricted})
            for (const double percentile : {51.0, 90.0, 99.0, 99.9, 100.0}) {
                GridScheme grid = scheme(8, convention, Kind::Percentile);
                grid.rule.percentile = percentile;
                const auto [least, largest] = std::ranges::minmax(values);
                Histogram histogram(std::floor(least) - 1, std::floor(largest) + 1, 64 * 8);
                histogram.addGrowing(values);
                const ValueRange exact = chooseRange(values, grid);
                const auto bound = percentileBound(histogram, least, largest, grid);
                if (!bound)
                    continue;
                const bool asymmetric = convention == GridConvention::Asymmetric;
                const double lo = asymmetric ? std::min(exact.lo, 0.0) : exact.lo;
                const double hi = asymmetric ? std::max(exact.hi, 0.0) : exact.hi;
                EXPECT_LE(bound->low.lo, lo) << percentile;
                EXPECT_GE(bound->low.hi, lo) << percentile;
                EXPECT_LE(bound->high.lo, hi) << percentile;
                EXPECT_GE(bound->high.hi, hi) << percentile;
                EXPECT_LE(bound->low.hi - bound->low.lo, 1.001 * histogram.binWidth());
                EXPECT_LE(bound->high.hi - bound->high.lo, 1.001 * histogram.binWidth());
            }
    const Histogram histogram = [&] {
        Histogram made(-5, 5, 64);
        made.add(sets[6]);
        return made;
    }();
    EXPECT_TRUE(percentileBound(histogram, -4, 4, scheme(8, GridConvention::Asymmetric, Kind::Percentile)));
    for (const Kind other : {Kind::MinMax, Kind::Mse, Kind::Kl})
        EXPECT_FALSE(percentileBound(histogram, -4, 4, scheme(8, GridConvention::Asymmetric, other)));
}

TEST(RangeRule, ThreadCountDoesNotChangeTheRange) {
    const std::vector<float> values = test::toFloats(test::lcgNormals(100000, 9));
    const GridScheme grid = scheme(3, GridConvention::Asymmetric, Kind::Mse);
    const ValueRange one = chooseRange(values, grid);
    for (int run = 0; run < 5; ++run) {
        const ValueRange many = chooseRange(values, grid, RunContext{}).value();
        EXPECT_EQ(one.lo, many.lo);
        EXPECT_EQ(one.hi, many.hi);
    }
}

TEST(RangeRule, CancelledSearchGivesAnError) {
    std::stop_source source;
    source.request_stop();
    const std::vector<float> values = test::toFloats(test::lcgNormals(1000, 9));
    const RunContext ctx{source.get_token(), nullptr, 0};
    const auto range = chooseRange(values, scheme(3, GridConvention::Asymmetric, Kind::Mse), ctx);
    ASSERT_FALSE(range.has_value());
    EXPECT_EQ(range.error().code, ErrorCode::Cancelled);
}

} // namespace qs
