#include "core/metrics/error_metrics.h"

#include "tests/support/lcg.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace qs {
namespace {

ErrorMetrics metricsOf(const std::vector<float> &reference, const std::vector<float> &other) {
    ErrorMetrics metrics;
    metrics.add(reference, other);
    return metrics;
}

} // namespace

TEST(ErrorMetrics, SmallExampleByHand) {
    const ErrorMetrics metrics = metricsOf({1, -2, 3, 0}, {1.5f, -2, 2, 0});
    EXPECT_EQ(metrics.count, 4);
    EXPECT_DOUBLE_EQ(metrics.mse(), 1.25 / 4);
    EXPECT_DOUBLE_EQ(metrics.sqnrDb(), 10 * std::log10(14 / 1.25));
    EXPECT_DOUBLE_EQ(metrics.relative(), 1.25 / 14);
    EXPECT_DOUBLE_EQ(metrics.cosine(), (1.5 + 4 + 6) / std::sqrt(14 * (2.25 + 4 + 4)));
    EXPECT_DOUBLE_EQ(metrics.maxAbsError, 1);
}

TEST(ErrorMetrics, EqualZeroAndMixedEdges) {
    const ErrorMetrics equal = metricsOf({1, 2}, {1, 2});
    EXPECT_EQ(equal.sqnrDb(), ErrorMetrics::kMaxSqnrDb);
    EXPECT_EQ(equal.relative(), 0);
    EXPECT_DOUBLE_EQ(equal.cosine(), 1);
    const ErrorMetrics zeros = metricsOf({0, 0}, {0, 0});
    EXPECT_EQ(zeros.cosine(), 1);
    EXPECT_EQ(zeros.relative(), 0);
    const ErrorMetrics fromZero = metricsOf({0, 0}, {0, 1});
    EXPECT_TRUE(std::isinf(fromZero.relative()));
    EXPECT_EQ(fromZero.sqnrDb(), -std::numeric_limits<double>::infinity());
    EXPECT_EQ(fromZero.cosine(), 0);
    EXPECT_EQ(metricsOf({}, {}).mse(), 0);
    EXPECT_EQ(metricsOf({1e6f}, {1e6f + 0.0625f}).sqnrDb(), 10 * std::log10(1e12 / (0.0625 * 0.0625)));
}

TEST(ErrorMetrics, NanIsNotHidden) {
    for (std::size_t place : {0u, 7u, 8u, 16u}) {
        std::vector<float> values(17, 1.0f), other = values;
        other[place] = std::nanf("");
        const ErrorMetrics metrics = metricsOf(values, other);
        EXPECT_TRUE(std::isnan(metrics.mse()));
        EXPECT_TRUE(std::isnan(metrics.maxAbsError));
        EXPECT_TRUE(std::isnan(metrics.sqnrDb()));
    }
}

TEST(ErrorMetrics, TheSameInfinityIsNoError) {
    constexpr float kInf = std::numeric_limits<float>::infinity();
    const std::vector<float> masked = {1, -kInf, 2, kInf}, close = {1, -kInf, 3, kInf};
    EXPECT_EQ(metricsOf(masked, masked).sqnrDb(), ErrorMetrics::kMaxSqnrDb);
    const ErrorMetrics metrics = metricsOf(masked, close);
    EXPECT_EQ(metrics.count, 2);
    EXPECT_DOUBLE_EQ(metrics.sqnrDb(), 10 * std::log10(5.0));
    EXPECT_TRUE(std::isinf(metricsOf(masked, {1, kInf, 2, kInf}).mse()));
}

TEST(ErrorMetrics, PartsAddUpToTheWhole) {
    const std::vector<float> x = test::toFloats(test::lcgNormals(1003, 1));
    std::vector<float> y = x;
    for (std::size_t i = 0; i < y.size(); ++i)
        y[i] += 0.01f * static_cast<float>(i % 5);
    const ErrorMetrics whole = metricsOf(x, y);
    ErrorMetrics parts;
    for (std::size_t begin = 0; begin < x.size(); begin += 100) {
        const std::size_t length = std::min<std::size_t>(100, x.size() - begin);
        ErrorMetrics part;
        part.add(std::span(x).subspan(begin, length), std::span(y).subspan(begin, length));
        parts.merge(part);
    }
    EXPECT_EQ(parts.count, whole.count);
    EXPECT_NEAR(parts.mse(), whole.mse(), 1e-15);
    EXPECT_NEAR(parts.cosine(), whole.cosine(), 1e-14);
    EXPECT_EQ(parts.maxAbsError, whole.maxAbsError);
}

TEST(ErrorMetrics, OneMoreBitIsSixDecibel) {
    // Uniform noise of a rounding to multiples of 2^-b.
    auto sqnr = [](int bits) {
        std::vector<float> x, y;
        for (double normal : test::lcgNormals(100000, 2)) {
            x.push_back(static_cast<float>(normal));
            y.push_back(static_cast<float>(std::ldexp(std::nearbyint(std::ldexp(normal, bits)), -bits)));
        }
        return metricsOf(x, y).sqnrDb();
    };
    EXPECT_NEAR(sqnr(5) - sqnr(4), 6.02, 0.05);
}

} // namespace qs
