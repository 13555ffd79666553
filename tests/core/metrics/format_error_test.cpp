#include "core/metrics/format_error.h"

#include "core/base/random.h"
#include "core/metrics/error_metrics.h"

#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <limits>

namespace qs {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> normalValues(std::size_t count, std::uint64_t seed = 1) {
    Random random(seed);
    std::vector<float> values(count);
    for (float &value : values)
        value = static_cast<float>(random.normal());
    return values;
}

SortedValues sorted(const std::vector<float> &values) {
    return SortedValues::build(values, {}).value();
}

/// Everything equal to the plain loop: counts exactly, sums to 1e-12 relative (both are sums of terms >= 0 in
/// float64, in another order).
void expectAsReference(const std::vector<float> &values, const NumberFormat &format, double lo, double hi) {
    const CodePoints points = codePoints(format, lo, hi);
    const FormatError fast = formatError(sorted(values), points),
                      plain = formatErrorReference(values, points);
    EXPECT_EQ(fast.count, plain.count) << format.id;
    EXPECT_EQ(fast.clippedBelow, plain.clippedBelow) << format.id;
    EXPECT_EQ(fast.clippedAbove, plain.clippedAbove) << format.id;
    EXPECT_EQ(fast.valuesPerPoint, plain.valuesPerPoint) << format.id;
    const auto expectNear = [&](double a, double b, const char *what) {
        EXPECT_NEAR(a, b, 1e-12 * std::fabs(b)) << format.id << ' ' << what;
    };
    expectNear(fast.sumOfSquares, plain.sumOfSquares, "squares");
    expectNear(fast.roundingError, plain.roundingError, "rounding");
    expectNear(fast.clippingError, plain.clippingError, "clipping");
}

TEST(SortedValues, AreSortedAndLeaveOutWhatIsNotFinite) {
    std::vector<float> values = normalValues(5000);
    values[7] = kNaN;
    values[8] = kInfinity;
    values[9] = -kInfinity;
    values[10] = -0.0f;
    values[11] = 1e-44f;
    const SortedValues result = sorted(values);
    EXPECT_EQ(result.nanCount(), 1);
    EXPECT_EQ(result.infCount(), 2);
    EXPECT_TRUE(result.isExact());
    std::erase_if(values, [](float value) { return !std::isfinite(value); });
    std::sort(values.begin(), values.end());
    EXPECT_TRUE(std::equal(values.begin(), values.end(), result.values().begin(), result.values().end()));
    EXPECT_EQ(result.countBelow(values[1234]), 1234);
}

TEST(SortedValues, DistancesOfAnyRunAreThoseOfThePlainLoop) {
    const SortedValues values = sorted(normalValues(10007));
    Random random(5);
    for (int i = 0; i < 2000; ++i) {
        auto begin = static_cast<std::int64_t>(random.below(10008)),
             end = static_cast<std::int64_t>(random.below(10008));
        if (begin > end)
            std::swap(begin, end);
        const double level = 4 * random.uniform() - 2;
        const double expected = squaredDistanceReference(
            values.values().subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)),
            level);
        ASSERT_NEAR(values.squaredDistance(begin, end, level), expected, 1e-12 * expected)
            << begin << ' ' << end;
    }
}

TEST(SortedValues, SamplesTakeOneValueOfEachPart) {
    std::vector<float> values(1000);
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<float>(i);
    const SortedValues sample = SortedValues::sample(values, 100, 1);
    EXPECT_EQ(sample.count(), 100);
    EXPECT_EQ(sample.sourceCount(), 1000);
    EXPECT_FALSE(sample.isExact());
    for (std::size_t part = 0; part < 100; ++part)
        EXPECT_EQ(static_cast<int>(sample.values()[part]) / 10, static_cast<int>(part));
    EXPECT_TRUE(SortedValues::sample(values, 1000, 1).isExact());
}

TEST(SortedValues, OfTooManyTakesASampleWithTheExtremes) {
    std::vector<float> values = normalValues(5000);
    values[777] = -50;
    values[4321] = 60;
    values[4000] = std::numeric_limits<float>::infinity();
    const SortedValues sorted = SortedValues::build(values, {}, 100).value();
    EXPECT_LE(sorted.count(), 100);
    EXPECT_GT(sorted.count(), 97);
    EXPECT_EQ(sorted.sourceCount(), 5000);
    EXPECT_FALSE(sorted.isExact());
    EXPECT_EQ(sorted.values().front(), -50);
    EXPECT_EQ(sorted.values().back(), 60);
    EXPECT_THAT(sorted.sampleNote(), testing::HasSubstr("of 5,000 values"));
    const SortedValues all = SortedValues::build(values, {}, 5000).value();
    EXPECT_TRUE(all.isExact());
    EXPECT_EQ(all.sampleNote(), "");
}

TEST(SortedValues, CanBeCancelled) {
    std::stop_source stop;
    stop.request_stop();
    const auto result = SortedValues::build(normalValues(100), {stop.get_token()});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::Cancelled);
}

TEST(FormatError, EveryFormatIsThePlainLoop) {
    const std::vector<float> values = normalValues(20011);
    for (const NumberFormat &format : builtinFormats())
        for (const double share : {1.0, 0.6, 0.1})
            expectAsReference(values, format, -3.9 * share, 4.2 * share);
}

TEST(FormatError, HeavyTailsCancelNothing) {
    std::vector<float> values = normalValues(5000);
    values[3] = -1e15f;
    values[4] = 3e30f;
    for (const NumberFormat &format : builtinFormats()) {
        expectAsReference(values, format, -1e15, 3e30);
        expectAsReference(values, format, -4, 4);
    }
}

TEST(FormatError, DegenerateTensors) {
    for (const std::vector<float> &values :
         {std::vector<float>{}, std::vector<float>{2.5f}, std::vector<float>(100, 0.0f),
          std::vector<float>(100, -3.0f), std::vector<float>(64, 1e-44f),
          std::vector<float>{kNaN, kInfinity}})
        for (const NumberFormat &format : builtinFormats()) {
            const SortedValues all = sorted(values);
            const double lo = all.count() > 0 ? all.values().front() : 0,
                         hi = all.count() > 0 ? all.values().back() : 0;
            expectAsReference(values, format, lo, hi);
            EXPECT_TRUE(bestClipRange(all, format, lo, hi, {}));
        }
    const FormatError zeros =
        formatError(sorted(std::vector<float>(100, 0.0f)), codePoints(**findFormat("int4-s2"), 0, 0));
    EXPECT_EQ(zeros.mse(), 0);
    EXPECT_EQ(zeros.sqnrDb(), ErrorMetrics::kMaxSqnrDb);
    EXPECT_EQ(zeros.usedPoints(), 1);
    EXPECT_EQ(formatError(sorted({}), codePoints(**findFormat("nf4"), 0, 0)).mse(), 0);
}

TEST(FormatError, ClippingAndRoundingAreApart) {
    // Grid −7..7 of scale 1: 7.5 rounds to 8 (half to even), which the grid does not have; 7.4 does not.
    const FormatError error =
        formatError(sorted({7.4f, 7.5f, -9, 0.25f}), codePoints(**findFormat("int4-s2"), -7, 7));
    EXPECT_EQ(error.clippedBelow, 1);
    EXPECT_EQ(error.clippedAbove, 1);
    EXPECT_NEAR(error.clippingError, 0.25 + 4, 1e-12);
    EXPECT_NEAR(error.roundingError, 0.16 + 0.0625, 1e-6);
    EXPECT_EQ(error.usedPoints(), 3);
    EXPECT_DOUBLE_EQ(error.clippedShare(), 0.5);
}

TEST(BinnedError, BinsAddUpToTheWhole) {
    const SortedValues values = sorted(normalValues(30000));
    const double lo = values.values().front(), hi = values.values().back();
    for (const char *id : {"int3-asymmetric", "int8-s2", "nf4", "fp8-e4m3"}) {
        const CodePoints points = codePoints(**findFormat(id), 0.7 * lo, 0.7 * hi);
        for (const int bins : {1, 7, 300}) {
            const BinnedError binned = binnedError(values, &points, lo, hi, bins);
            std::int64_t count = 0;
            double error = 0;
            for (int bin = 0; bin < bins; ++bin) {
                count += binned.counts[static_cast<std::size_t>(bin)];
                error += binned.errors[static_cast<std::size_t>(bin)];
            }
            EXPECT_EQ(count, 30000) << id;
            const double expected = formatError(values, points).squaredError();
            EXPECT_NEAR(error, expected, 1e-12 * expected) << id;
        }
    }
}

TEST(BinnedError, IsThePlainLoopPerBin) {
    const std::vector<float> values = normalValues(4000);
    const CodePoints points = codePoints(**findFormat("fp4-e2m1"), -3, 3);
    const BinnedError binned = binnedError(sorted(values), &points, -2, 2, 40);
    std::vector<std::int64_t> counts(40);
    std::vector<double> errors(40);
    for (const float value : values) {
        if (value < -2 || value > 2)
            continue;
        std::size_t bin = 39;
        while (bin > 0 && value < static_cast<float>(binned.left(bin)))
            --bin;
        ++counts[bin];
        const double error =
            static_cast<double>(value) - static_cast<double>(points.values[points.nearest(value)]);
        errors[bin] += error * error;
    }
    EXPECT_EQ(binned.counts, counts);
    EXPECT_THAT(binned.errors, testing::Pointwise(testing::DoubleNear(1e-12), errors));
    EXPECT_TRUE(binnedError(sorted(values), nullptr, -2, 2, 40).errors.empty());
}

TEST(BestClipRange, IsNoWorseThanAnyRangeOfAFineScan) {
    std::vector<float> values = normalValues(20000);
    values[0] = 40;
    const SortedValues all = sorted(values);
    const double lo = all.values().front(), hi = all.values().back();
    for (const char *id : {"int4-s2", "int4-asymmetric", "int8-s2", "nf4", "fp4-e2m1", "mxfp4", "pot4"}) {
        const NumberFormat &format = **findFormat(id);
        const ClipSearchResult best = bestClipRange(all, format, lo, hi, {}).value();
        EXPECT_DOUBLE_EQ(best.squaredError,
                         formatError(all, codePoints(format, best.lo, best.hi)).squaredError());
        for (int i = 1; i <= 128; ++i) {
            const double p = i / 128.0;
            EXPECT_LE(best.squaredError, formatError(all, codePoints(format, p * lo, p * hi)).squaredError())
                << id;
        }
    }
}

TEST(BestClipRange, FindsTheKnownOptimumOfANormalDistribution) {
    // Uniform midrise quantizers of a standard normal source: step 0.3352 at 16 levels (Max 1960, table II).
    // S1 places 16 levels off-centre by half a step; 4 bits clip at 8 · 0.3352 = 2.68 give or take half a
    // step.
    const SortedValues all = sorted(normalValues(200000, 9));
    const ClipSearchResult best =
        bestClipRange(all, **findFormat("int4-s3"), all.values().front(), all.values().back(), {}).value();
    EXPECT_NEAR(std::max(-best.lo, best.hi) / 8, 0.3352, 0.02);
}

} // namespace
} // namespace qs
