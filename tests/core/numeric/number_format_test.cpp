#include "core/numeric/number_format.h"

#include "core/base/random.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <gmock/gmock.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

namespace qs {
namespace {

const NumberFormat &formatOf(const std::string &id) {
    const auto format = findFormat(id);
    EXPECT_TRUE(format) << id;
    return **format;
}

float through(const CodePoints &points, float value) {
    return points.values[points.nearest(value)];
}

/// What every format of the list has to keep.
class EveryFormat : public testing::TestWithParam<NumberFormat> {};

TEST_P(EveryFormat, IsWellFormed) {
    const NumberFormat &format = GetParam();
    EXPECT_GE(format.bits, 2);
    EXPECT_LE(format.bits, 8);
    EXPECT_FALSE(format.title.empty() || format.source.empty());
    ASSERT_EQ(format.points.size(), format.codes.size());
    EXPECT_LE(format.points.size(), std::size_t{1} << format.bits);
    EXPECT_TRUE(std::is_sorted(format.points.begin(), format.points.end(), std::less_equal<>()) ||
                std::adjacent_find(format.points.begin(), format.points.end(), std::greater_equal<>()) ==
                    format.points.end())
        << "points ascend without repetition";
    EXPECT_EQ(std::set(format.codes.begin(), format.codes.end()).size(), format.codes.size());
    EXPECT_TRUE(std::binary_search(format.points.begin(), format.points.end(), 0.0)) << "0 is a point";
    EXPECT_EQ(std::count_if(builtinFormats().begin(), builtinFormats().end(),
                            [&](const NumberFormat &other) { return other.id == format.id; }),
              1);
}

TEST_P(EveryFormat, RoundingTwiceChangesNothing) {
    for (const double amax : {1.0, 3.3, 1e-3, 7e5}) {
        const CodePoints points = codePoints(GetParam(), -amax, amax);
        for (std::size_t i = 0; i < points.values.size(); ++i)
            EXPECT_EQ(points.nearest(points.values[i]), i) << points.values[i];
    }
}

TEST_P(EveryFormat, TakesTheNearestValueAndSaturates) {
    Random random(7);
    const CodePoints points = codePoints(GetParam(), -1.7, 2.3);
    for (int i = 0; i < 4000; ++i) {
        const auto value = static_cast<float>(6 * random.uniform() - 3);
        double least = INFINITY;
        for (const float other : points.values)
            least = std::min(least, std::fabs(static_cast<double>(other) - static_cast<double>(value)));
        // Points are rounded to float32 after the decision.
        EXPECT_NEAR(std::fabs(static_cast<double>(through(points, value)) - static_cast<double>(value)),
                    least, 1e-6)
            << value;
    }
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    for (const float large : {1e30f, kInfinity}) {
        EXPECT_EQ(through(points, large), points.values.back());
        EXPECT_EQ(through(points, -large), points.values.front());
        EXPECT_TRUE(points.isClipped(large) && points.isClipped(-large));
    }
    EXPECT_EQ(through(points, 0.0f), 0.0f);
}

TEST_P(EveryFormat, TiesFollowTheStatedRule) {
    // Scale 1 (integers), or a power of two: middles are exact.
    const NumberFormat &format = GetParam();
    const CodePoints points = format.isInteger() ? codePoints(format, ScaleZero{0.5f, 2})
                                                 : codePoints(format, -format.largest(), format.largest());
    const int zero = points.zeroPoint;
    for (std::size_t i = 0; i + 1 < points.values.size(); ++i) {
        const double middle = points.scale * ((format.points[i] + format.points[i + 1]) / 2 - zero);
        const auto value = static_cast<float>(middle);
        if (static_cast<double>(value) != middle)
            continue; // no float32 stands exactly there
        const bool upperIsEven = ((format.codes[i + 1] - zero) & 1) == 0;
        const bool upper = format.ties == NumberFormat::Ties::EvenCode && upperIsEven;
        EXPECT_EQ(points.nearest(value), upper ? i + 1 : i) << value;
    }
}

TEST_P(EveryFormat, RangesWithoutWidthKeepZero) {
    for (const double value : {0.0, 2.5, -2.5}) {
        const CodePoints points = codePoints(GetParam(), value, value);
        EXPECT_EQ(through(points, 0.0f), 0.0f);
        EXPECT_TRUE(std::isfinite(points.scale) && points.scale > 0);
    }
    const CodePoints tiny = codePoints(GetParam(), -1e-44, 1e-44);
    EXPECT_GT(tiny.scale, 0);
    EXPECT_TRUE(std::is_sorted(tiny.values.begin(), tiny.values.end()));
}

std::string nameOf(const testing::TestParamInfo<NumberFormat> &info) {
    std::string name;
    for (const char c : info.param.id)
        name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? std::string(1, c)
                : c == '+'                                       ? "Plus"
                                                                 : "Dash";
    return name;
}
INSTANTIATE_TEST_SUITE_P(NumberFormat, EveryFormat, testing::ValuesIn(builtinFormats()), nameOf);

TEST(NumberFormat, PublishedPointsOfMinifloats) {
    const struct {
        const char *id;
        std::size_t magnitudes;
        double largest, smallest;
    } facts[] = {{"fp8-e4m3", 127, 448, 0.001953125},
                 {"fp8-e5m2", 124, 57344, 1.52587890625e-5},
                 {"fp6-e3m2", 32, 28, 0.0625},
                 {"fp6-e2m3", 32, 7.5, 0.125},
                 {"fp4-e2m1", 8, 6, 0.5}};
    for (const auto &fact : facts) {
        const NumberFormat &format = formatOf(fact.id);
        EXPECT_EQ(format.points.size(), 2 * fact.magnitudes - 1) << fact.id;
        EXPECT_EQ(format.largest(), fact.largest) << fact.id;
        EXPECT_EQ(*std::upper_bound(format.points.begin(), format.points.end(), 0.0), fact.smallest)
            << fact.id;
    }
    EXPECT_THAT(formatOf("fp4-e2m1").points,
                testing::ElementsAre(-6, -4, -3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4, 6));
    EXPECT_EQ(formatOf("fp4-e2m1").codes.front(), 15); // −6: sign, exponent 3, mantissa 1
}

TEST(NumberFormat, TiesOfE2M1AreHalfToEven) {
    const CodePoints points = codePoints(formatOf("fp4-e2m1"), -6, 6);
    const std::pair<float, float> ties[] = {{0.25f, 0}, {0.75f, 1}, {1.25f, 1}, {1.75f, 2},
                                            {2.5f, 2},  {3.5f, 4},  {5, 4}};
    for (const auto &[value, expected] : ties) {
        EXPECT_EQ(through(points, value), expected);
        EXPECT_EQ(through(points, -value), -expected);
    }
}

TEST(NumberFormat, PublishedLevelsOfTables) {
    EXPECT_THAT(formatOf("nf4").points.size(), 16u);
    const auto positive = [](const char *id) {
        const auto &points = formatOf(id).points;
        return std::vector<double>(std::upper_bound(points.begin(), points.end(), 0.0), points.end());
    };
    using testing::DoubleNear;
    using testing::Pointwise;
    EXPECT_THAT(positive("apot3"), Pointwise(testing::DoubleEq(), {0.25, 0.5, 1.0}));
    EXPECT_THAT(positive("apot4"), Pointwise(testing::DoubleNear(1e-12), {.1, .2, .3, .4, .6, .8, 1.0}));
    EXPECT_THAT(positive("apot5"),
                Pointwise(testing::DoubleNear(1e-6), {.020833, .041667, .0625, .083333, .125, .166667, .1875,
                                                      .25, .333333, .375, .5, .666667, .6875, .75, 1.0}));
    EXPECT_EQ(formatOf("pot4").points.size(), 15u);
    EXPECT_EQ(positive("pot4").front(), std::ldexp(1, -6));
}

TEST(NumberFormat, NormalFloatIsNotSymmetric) {
    const CodePoints points = codePoints(formatOf("nf4"), -1, 1);
    EXPECT_NE(through(points, 0.09f), -through(points, -0.09f));
}

TEST(NumberFormat, IntegersDecideAsQuantizeValue) {
    Random random(3);
    for (const NumberFormat &format : builtinFormats()) {
        if (!format.isInteger())
            continue;
        const double lo = -1 - random.uniform(), hi = 2 * random.uniform();
        const ScaleZero grid = gridForRange(lo, hi, format.bits, *format.convention);
        const CodeRange range = codeRange(format.bits, *format.convention);
        const CodePoints points = codePoints(format, lo, hi);
        EXPECT_EQ(points.zeroPoint, grid.zeroPoint);
        for (int i = 0; i < 3000; ++i) {
            auto value = static_cast<float>(5 * random.uniform() - 2.5);
            if (i % 3 == 0) // exactly between two codes
                value = grid.scale * (static_cast<float>(random.below(64)) - 31.5f);
            const int code = quantizeValue(value, grid, range, RoundingMode::HalfEven);
            ASSERT_EQ(format.codes[points.nearest(value)], code) << format.id << ' ' << value;
            ASSERT_EQ(through(points, value), dequantizeValue(code, grid));
            const double free =
                std::nearbyint(static_cast<double>(value) / static_cast<double>(grid.scale)) + grid.zeroPoint;
            ASSERT_EQ(points.isClipped(value), free < range.lowest || free > range.highest)
                << format.id << ' ' << value;
        }
    }
}

TEST(NumberFormat, GoldenGroupOfEightValues) {
    std::ifstream file(QS_TEST_DATA "/formats/eight_values.json");
    const auto golden = nlohmann::json::parse(file);
    const std::vector<float> x = golden["x"];
    for (const auto &entry : golden["formats"]) {
        const std::string id = entry["id"];
        const NumberFormat &format = formatOf(id);
        const CodePoints points = codePoints(format, -3.3, 2.05);
        EXPECT_NEAR(points.scale, entry["scale"].get<double>(), 1e-6) << id;
        EXPECT_EQ(points.zeroPoint, entry.value("zero", 0)) << id;
        double squares = 0, errors = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            const std::size_t point = points.nearest(x[i]);
            if (entry.contains("codes"))
                EXPECT_EQ(format.codes[point], entry["codes"][i].get<int>()) << id << ' ' << x[i];
            else
                EXPECT_NEAR(points.values[point], entry["values"][i].get<double>(), 2e-6)
                    << id << ' ' << x[i];
            const double value = golden["x"][i], error = static_cast<double>(points.values[point]) - value;
            squares += value * value;
            errors += error * error;
        }
        EXPECT_NEAR(errors / 8, entry["mse"].get<double>(), 1e-6) << id;
        EXPECT_NEAR(10 * std::log10(squares / errors), entry["sqnr"].get<double>(), 0.006) << id;
    }
}

TEST(NumberFormat, UnknownNamesAreToldWithTheKnownOnes) {
    const auto format = findFormat("fp4");
    ASSERT_FALSE(format);
    EXPECT_THAT(format.error().message,
                testing::AllOf(testing::HasSubstr("'fp4'"), testing::HasSubstr("fp4-e2m1")));
    EXPECT_EQ(integerFormat(4, GridConvention::SymmetricFull)->id, "int4-s3");
    EXPECT_EQ(integerFormat(12, GridConvention::SymmetricFull), nullptr);
}

} // namespace
} // namespace qs
