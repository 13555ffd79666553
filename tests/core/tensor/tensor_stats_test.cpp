#include "core/tensor/tensor_stats.h"

#include "tests/support/lcg.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace qs {
namespace {

TensorStats statsOf(const std::vector<float> &values, int maxThreads = 0) {
    return computeStats(values, RunContext{{}, nullptr, maxThreads}).value();
}

/// Two plain passes in long double: the oracle.
TensorStats reference(const std::vector<float> &values) {
    TensorStats stats;
    long double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const float x = values[i];
        if (!std::isfinite(x)) {
            ++(std::isnan(x) ? stats.nanCount : stats.infCount);
            stats.firstNonFinite =
                stats.firstNonFinite < 0 ? static_cast<std::int64_t>(i) : stats.firstNonFinite;
            continue;
        }
        stats.min = stats.count == 0 ? x : std::min<double>(stats.min, x);
        stats.max = stats.count == 0 ? x : std::max<double>(stats.max, x);
        stats.zeroCount += x == 0;
        ++stats.count;
        sum += x;
    }
    if (stats.count == 0)
        return stats;
    const long double mean = sum / stats.count;
    long double m2 = 0, m3 = 0, m4 = 0;
    for (float x : values)
        if (std::isfinite(x)) {
            const long double delta = x - mean;
            m2 += delta * delta;
            m3 += delta * delta * delta;
            m4 += delta * delta * delta * delta;
        }
    stats.mean = static_cast<double>(mean);
    stats.m2 = static_cast<double>(m2);
    stats.m3 = static_cast<double>(m3);
    stats.m4 = static_cast<double>(m4);
    return stats;
}

void expectNear(double found, double expected, double scale, const char *what) {
    EXPECT_NEAR(found, expected, 1e-10 * scale + 1e-300) << what;
}

void expectAgree(const TensorStats &found, const TensorStats &expected) {
    EXPECT_EQ(found.count, expected.count);
    EXPECT_EQ(found.nanCount, expected.nanCount);
    EXPECT_EQ(found.infCount, expected.infCount);
    EXPECT_EQ(found.zeroCount, expected.zeroCount);
    EXPECT_EQ(found.firstNonFinite, expected.firstNonFinite);
    EXPECT_EQ(found.min, expected.min);
    EXPECT_EQ(found.max, expected.max);
    const double spread = expected.standardDeviation() + std::fabs(expected.mean);
    const auto n = static_cast<double>(expected.count);
    expectNear(found.mean, expected.mean, spread, "mean");
    expectNear(found.m2, expected.m2, expected.m2, "m2");
    expectNear(found.m3, expected.m3, n * std::pow(expected.standardDeviation(), 3) * 10, "m3");
    expectNear(found.m4, expected.m4, expected.m4, "m4");
}

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

} // namespace

TEST(TensorStats, AgreesWithLongDoubleForAnySize) {
    for (std::size_t size : {0u, 1u, 2u, 15u, 16u, 17u, 4095u, 4096u, 4097u, 300000u}) {
        std::vector<float> values = test::toFloats(test::lcgNormals(size, 5));
        for (std::size_t i = 0; i < size; i += 7)
            values[i] = 0;
        expectAgree(statsOf(values), reference(values));
    }
}

TEST(TensorStats, AgreesWithLongDoubleFarFromZero) {
    std::vector<float> values = test::toFloats(test::lcgNormals(100000, 6));
    for (float &value : values)
        value = 1000 + value;
    expectAgree(statsOf(values), reference(values));
    for (std::size_t i = 50000; i < values.size(); ++i)
        values[i] *= -1e6f; // blocks of very different spread are merged
    expectAgree(statsOf(values), reference(values));
}

TEST(TensorStats, CountsNonFiniteApartAndFindsTheFirst) {
    for (std::size_t first : {0u, 5u, 4095u, 4096u, 270000u, 299999u}) {
        std::vector<float> values = test::toFloats(test::lcgNormals(300000, 5));
        values[first] = first % 2 ? kNan : -kInf;
        values[299999] = kInf;
        const TensorStats stats = statsOf(values);
        expectAgree(stats, reference(values));
        EXPECT_EQ(stats.firstNonFinite, static_cast<std::int64_t>(first));
    }
    const TensorStats none = statsOf({kNan, kInf, -kInf});
    EXPECT_EQ(none.count, 0);
    EXPECT_EQ(none.nanCount, 1);
    EXPECT_EQ(none.infCount, 2);
    EXPECT_EQ(none.kurtosis(), 0);
}

TEST(TensorStats, KeepsTheFirstNonFiniteWhenPartsAreMerged) {
    TensorStats whole = statsOf({1, 2, 3});
    whole.merge(statsOf({4, kNan}));
    EXPECT_EQ(whole.firstNonFinite, 4);
    whole.merge(statsOf({kNan}));
    EXPECT_EQ(whole.firstNonFinite, 4);
    EXPECT_EQ(whole.nanCount, 2);
    TensorStats empty;
    empty.merge(whole);
    expectAgree(empty, whole);
}

TEST(TensorStats, ShapeOfTheEightValueExample) {
    // X8 of methods B1; moments from B6 6.1.
    const TensorStats stats = statsOf({0.11f, -0.52f, 0.98f, -1.37f, 2.05f, -3.3f, 0.04f, 0.66f});
    EXPECT_NEAR(stats.kurtosis(), 2.9393, 5e-5);
    EXPECT_NEAR(stats.skewness(), -0.6954, 5e-5);
    EXPECT_NEAR(stats.crestFactor(), 2.1614, 5e-5);
    EXPECT_NEAR(stats.rms(), std::sqrt(18.6495 / 8), 1e-6);
    EXPECT_EQ(stats.absMax(), static_cast<double>(3.3f));
}

TEST(TensorStats, ConstantsAndExtremesHaveNoSurprises) {
    const TensorStats constant = statsOf(std::vector<float>(10000, -0.3f));
    EXPECT_NEAR(constant.variance(), 0, 1e-20);
    EXPECT_EQ(constant.min, constant.max);
    const TensorStats zeros = statsOf(std::vector<float>(100, -0.0f));
    EXPECT_EQ(zeros.zeroCount, 100);
    EXPECT_FALSE(std::signbit(zeros.min) || std::signbit(zeros.max));
    EXPECT_EQ(zeros.crestFactor(), 0);
    std::vector<float> huge(5000, std::numeric_limits<float>::max());
    huge[0] = -huge[0];
    EXPECT_TRUE(std::isfinite(statsOf(huge).m4));
}

TEST(TensorStats, ThreadCountDoesNotChangeASingleBit) {
    const std::vector<float> values = test::toFloats(test::lcgNormals(2000003, 5));
    const TensorStats one = statsOf(values, 1);
    for (int threads : {2, 3, 0}) {
        const TensorStats many = statsOf(values, threads);
        EXPECT_EQ(one.mean, many.mean);
        EXPECT_EQ(one.m2, many.m2);
        EXPECT_EQ(one.m3, many.m3);
        EXPECT_EQ(one.m4, many.m4);
    }
}

TEST(TensorStats, CancelledRunGivesAnError) {
    std::stop_source source;
    source.request_stop();
    const auto stats = computeStats(std::vector<float>(10), RunContext{source.get_token(), nullptr, 0});
    ASSERT_FALSE(stats.has_value());
    EXPECT_EQ(stats.error().code, ErrorCode::Cancelled);
}

} // namespace qs
