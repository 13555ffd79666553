#include "core/metrics/attention_metrics.h"

#include "core/metrics/ranking.h"

#include <fstream>
#include <gmock/gmock.h>
#include <limits>
#include <numeric>

namespace qs {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::Pointwise;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

auto near(const std::vector<double> &expected, double tolerance) {
    return Pointwise(DoubleNear(tolerance), expected);
}

struct Map {
    std::int64_t rows, cols;
    std::vector<float> values;
    MatrixView<const float> view() const { return {values.data(), rows, cols}; }
};

AttentionHeadMetrics measured(const Map &map, bool causal, int threads = 0) {
    RunContext ctx;
    ctx.maxThreads = threads;
    const auto metrics = measureAttentionHead(map.view(), causal, ctx);
    EXPECT_TRUE(metrics);
    return *metrics;
}

/// The worked example of methods B4 4.8: rows (1), (.6, .4), (.5, .2, .3), (.4, .1, .1, .4).
Map zipCacheExample() {
    return {4, 4, {1, 0, 0, 0, .6f, .4f, 0, 0, .5f, .2f, .3f, 0, .4f, .1f, .1f, .4f}};
}

TEST(AttentionMetrics, SaliencyIsNormalizedByTheCausalTriangle) {
    const AttentionHeadMetrics metrics = measured(zipCacheExample(), true);
    EXPECT_THAT(metrics.accumulated, near({2.5, .7, .4, .4}, 1e-6));
    EXPECT_THAT(metrics.saliency, near({.625, .7 / 3, .2, .4}, 1e-6));
    EXPECT_EQ(metrics.strongestKey, 0);
    EXPECT_EQ(metrics.highest, 1);
    EXPECT_NEAR(metrics.strongestShare, 2.5 / 4, 1e-7);
}

TEST(AttentionMetrics, EntropySinkAndDistanceByHand) {
    const AttentionHeadMetrics metrics = measured(zipCacheExample(), true);
    const auto h = [](std::vector<double> row) {
        return std::accumulate(row.begin(), row.end(), 0.0,
                               [](double s, double p) { return s - p * std::log(p); });
    };
    const double h1 = h({.6, .4}), h2 = h({.5, .2, .3}), h3 = h({.4, .1, .1, .4});
    EXPECT_NEAR(metrics.entropy, (h1 + h2 + h3) / 4, 1e-6);
    EXPECT_NEAR(metrics.normalizedEntropy.value(),
                (h1 / std::log(2) + h2 / std::log(3) + h3 / std::log(4)) / 3, 1e-6);
    EXPECT_NEAR(metrics.sinkShare.value(), (.6 + .5 + .4) / 3,
                1e-7); // the first query sees the first key only
    // Distances 0: 1 + .4 + .3 + .4, 1: .6 + .2 + .1, 2: .5 + .1, 3: .4.
    EXPECT_THAT(metrics.distance, near({2.1 / 4, .9 / 4, .6 / 4, .4 / 4}, 1e-6));
    EXPECT_NEAR(metrics.meanDistance.value(), (.9 + 1.2 + 1.2) / 4, 1e-6);
}

TEST(AttentionMetrics, UniformAndOneHotAreTheEnds) {
    const Map uniform{3, 3, std::vector<float>(9, 1.0f / 3)};
    EXPECT_NEAR(measured(uniform, false).entropy, std::log(3.0), 1e-6);
    EXPECT_NEAR(measured(uniform, false).normalizedEntropy.value(), 1, 1e-6);
    EXPECT_NEAR(measured(uniform, false).sinkShare.value(), 1.0 / 3, 1e-7);
    const Map identity{3, 3, {1, 0, 0, 0, 1, 0, 0, 0, 1}};
    EXPECT_EQ(measured(identity, false).entropy, 0);
    EXPECT_EQ(measured(identity, false).meanDistance.value(), 0);
    EXPECT_THAT(measured(identity, false).saliency, near({1. / 3, 1. / 3, 1. / 3}, 1e-9));
}

TEST(AttentionMetrics, ASequenceOfOneHasNoShareAndNoNormalizedEntropy) {
    for (const bool causal : {false, true}) {
        const AttentionHeadMetrics metrics = measured({1, 1, {1}}, causal);
        EXPECT_EQ(metrics.entropy, 0);
        EXPECT_FALSE(metrics.normalizedEntropy);
        EXPECT_FALSE(metrics.sinkShare);
        EXPECT_THAT(metrics.saliency, ElementsAre(1));
        EXPECT_EQ(metrics.meanDistance.value(), 0);
    }
}

TEST(AttentionMetrics, RowsWithNanAndMaskedRowsAreCountedAndLeftOut) {
    const Map map{4, 2, {.5f, .5f, kNan, 0, 0, 0, 1, 0}};
    const AttentionHeadMetrics metrics = measured(map, false);
    EXPECT_EQ(metrics.rows, 2);
    EXPECT_EQ(metrics.nonFiniteRows, 1);
    EXPECT_EQ(metrics.emptyRows, 1);
    EXPECT_EQ(metrics.firstBadRow, 1);
    EXPECT_NEAR(metrics.entropy, std::log(2.0) / 2, 1e-6);
    EXPECT_THAT(metrics.saliency, near({.75, .25}, 1e-7));
    EXPECT_TRUE(metrics.distance.empty()); // queries and keys are different tokens
    const AttentionHeadMetrics none = measured({1, 2, {kNan, kNan}}, false);
    EXPECT_EQ(none.rows, 0);
    EXPECT_EQ(none.strongestKey, -1);
    EXPECT_THAT(none.saliency, ElementsAre(0, 0));
}

TEST(AttentionMetrics, CausalQueriesAfterACacheStandAtTheEnd) {
    const AttentionHeadMetrics metrics = measured({2, 4, {.5f, 0, .5f, 0, 0, 0, 0, 1}}, true);
    EXPECT_THAT(metrics.distance, near({.75, 0, .25, 0}, 1e-7));
    EXPECT_THAT(metrics.saliency, near({.25, 0, .25, 1}, 1e-7));
}

TEST(AttentionMetrics, ThreadsDoNotChangeTheResult) {
    Map map{700, 700, std::vector<float>(700 * 700)};
    for (std::size_t i = 0; i < map.values.size(); ++i)
        map.values[i] = static_cast<float>((i * 2654435761U) % 1000) / 350000.0f;
    const AttentionHeadMetrics one = measured(map, false, 1), many = measured(map, false, 4);
    EXPECT_EQ(one.entropy, many.entropy);
    EXPECT_EQ(one.accumulated, many.accumulated);
    EXPECT_EQ(one.distance, many.distance);
}

TEST(AttentionMetrics, CausalMapsAreRecognized) {
    EXPECT_TRUE(isCausalMap(zipCacheExample().view()));
    const Map seesAll{2, 2, {.5f, .5f, .5f, .5f}};
    EXPECT_FALSE(isCausalMap(seesAll.view()));
    const Map one{1, 1, {1}};
    EXPECT_FALSE(isCausalMap(one.view()));
}

TEST(AttentionAgreement, SmallExampleByHand) {
    const Map p{2, 2, {.8f, .2f, .5f, .5f}}, q{2, 2, {.6f, .4f, .5f, .5f}};
    const auto agreement = *compareAttention(p.view(), q.view(), {});
    EXPECT_NEAR(agreement.relativeL1, .4 / 2, 1e-6);
    EXPECT_NEAR(agreement.maxAbsError, .2, 1e-6);
    EXPECT_NEAR(agreement.meanKl, (.8 * std::log(.8 / .6) + .2 * std::log(.2 / .4)) / 2, 1e-6);
    EXPECT_NEAR(agreement.cosine, (.48 + .08 + .5) / std::sqrt((.64 + .04 + .5) * (.36 + .16 + .5)), 1e-6);
    EXPECT_EQ(agreement.topKeysKept, 1);
    const auto same = *compareAttention(p.view(), p.view(), {});
    EXPECT_EQ(same.relativeL1, 0);
    EXPECT_EQ(same.meanKl, 0);
    EXPECT_NEAR(same.cosine, 1, 1e-12);
}

TEST(AttentionAgreement, TopKeysCountWhatStays) {
    const Map p{1, 8, {.3f, .2f, .15f, .12f, .1f, .06f, .04f, .03f}};
    const Map q{1, 8, {.3f, .2f, .03f, .12f, .1f, .06f, .15f, .04f}}; // key 6 takes the place of key 2
    EXPECT_NEAR(compareAttention(p.view(), q.view(), {})->topKeysKept, .8, 1e-12);
    const Map causal{1, 8, {.6f, .4f, 0, 0, 0, 0, 0, 0}}, other{1, 8, {.9f, 0, .1f, 0, 0, 0, 0, 0}};
    EXPECT_NEAR(compareAttention(causal.view(), other.view(), {})->topKeysKept, .5, 1e-12); // two keys count
    const Map broken{1, 8, {kNan, 0, 0, 0, 0, 0, 0, 0}};
    EXPECT_EQ(compareAttention(p.view(), broken.view(), {})->rows, 0);
}

/// Closed-form inputs of the golden data.
class GoldenAttention : public testing::Test {
protected:
    static constexpr int kTokens = 32, kWidth = 16;
    GoldenAttention() {
        for (int t = 0; t < kTokens; ++t)
            for (int j = 0; j < kWidth; ++j) {
                const double value = (std::cos(.37 * t * (j + 1)) + .5 * std::sin(1.1 * t + .6 * j)) *
                                     (j == 3    ? 6
                                      : j == 10 ? 3
                                                : 1) *
                                     (t == 0 ? 4 : 1);
                keys.push_back(value);
            }
        for (int t = 0; t < kTokens; ++t)
            for (int j = 0; j < kWidth; ++j)
                queries.push_back(keys[static_cast<std::size_t>(t * kWidth + kWidth - 1 - j)]);
        std::ifstream file(std::filesystem::path(QS_TEST_DATA) / "metrics/attention.json");
        golden = nlohmann::json::parse(file);
    }
    static Map attention(const std::vector<double> &q, const std::vector<double> &k, bool causal) {
        Map map{kTokens, kTokens, {}};
        for (int i = 0; i < kTokens; ++i) {
            std::vector<double> row;
            for (int j = 0; j < kTokens; ++j) {
                double dot = 0;
                for (int c = 0; c < kWidth; ++c)
                    dot += q[static_cast<std::size_t>(i * kWidth + c)] *
                           k[static_cast<std::size_t>(j * kWidth + c)];
                row.push_back(causal && j > i ? -1e300 : dot / 4);
            }
            const double top = *std::max_element(row.begin(), row.end());
            double sum = 0;
            for (double &value : row)
                sum += value = std::exp(value - top);
            for (const double value : row)
                map.values.push_back(static_cast<float>(value / sum));
        }
        return map;
    }
    static std::vector<double> rounded(const std::vector<double> &values, int bits) {
        const double top = (1 << (bits - 1)) - 1;
        double largest = 0;
        for (const double value : values)
            largest = std::max(largest, std::abs(value));
        std::vector<double> result;
        for (const double value : values)
            result.push_back(std::clamp(std::nearbyint(value / (largest / top)), -top, top) *
                             (largest / top));
        return result;
    }
    std::vector<double> keys, queries;
    nlohmann::json golden;
};

TEST_F(GoldenAttention, NormalizedSaliency) {
    // The golden map is cut to the triangle and scaled to sum to 1 again, which a masked softmax does at
    // once.
    const AttentionHeadMetrics metrics = measured(attention(queries, keys, true), true);
    const auto expected = golden["zipcache_norm_saliency"].get<std::vector<double>>();
    ASSERT_EQ(metrics.saliency.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i)
        EXPECT_NEAR(metrics.saliency[i], expected[i], 1e-5 * expected[i] + 1e-9) << i;
}

TEST_F(GoldenAttention, RelativeL1OfQuantizedScores) {
    const Map reference = attention(queries, keys, false);
    for (const int bits : {8, 4}) {
        const Map other = attention(rounded(queries, bits), rounded(keys, bits), false);
        const double expected = golden[bits == 8 ? "sage_int8_relL1" : "sage_int4_relL1"];
        EXPECT_NEAR(compareAttention(reference.view(), other.view(), {})->relativeL1, expected,
                    1e-5 * expected);
    }
}

TEST(Ranking, KendallTauByHand) {
    const std::vector<double> a{1, 2, 3, 4};
    EXPECT_DOUBLE_EQ(*kendallTau(a, a, {}), 1);
    EXPECT_DOUBLE_EQ(*kendallTau(a, std::vector<double>{4, 3, 2, 1}, {}), -1);
    EXPECT_DOUBLE_EQ(*kendallTau(a, std::vector<double>{1, 2, 4, 3}, {}), 4.0 / 6);
    EXPECT_DOUBLE_EQ(*kendallTau(a, std::vector<double>{1, 1, 2, 3}, {}), 5 / std::sqrt(6.0 * 5)); // a tie
    EXPECT_EQ(*kendallTau(a, std::vector<double>(4, 1.0), {}), 0);
}

TEST(Ranking, TopOverlapTakesTheFirstOfEquals) {
    EXPECT_DOUBLE_EQ(topOverlap(std::vector<double>{5, 4, 1, 0}, std::vector<double>{0, 9, 8, 0}, 2), .5);
    EXPECT_DOUBLE_EQ(topOverlap(std::vector<double>{1, 1, 1}, std::vector<double>{2, 1, 0}, 2), 1);
}

} // namespace
} // namespace qs
