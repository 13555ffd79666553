#include "core/quant/token_weighting.h"

#include <numeric>

namespace qs {
namespace {

TokenWeighting smallest(double value, double exponent = 1) {
    return {TokenImportance::Attention, value, exponent, 0};
}

/// methods A12: columns sums of a causal map of 6 tokens.
const std::vector<double> kReceived{2.40765, 1.582845, 0.367643, 0.963442, 0.647707, 0.030712};

TEST(TokenWeights, SixTokensWeighAsInTheReferenceCode) {
    const auto weights = tokenWeights(kReceived, smallest(0.005));
    const std::vector<double> expected{2.434573, 1.593993, 0.355549, 0.962743, 0.640969, 0.012173};
    ASSERT_EQ(weights.size(), 6u);
    for (std::size_t i = 0; i < 6; ++i)
        EXPECT_NEAR(weights[i], expected[i], 2e-6) << i;
    EXPECT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0), 6, 1e-12);
}

TEST(TokenWeights, ExponentTwoWeighsBySquares) {
    const auto weights = tokenWeights(kReceived, smallest(0.005, 2));
    const double r[]{1, 0.654732, 0.146042, 0.395446, 0.263278, 0.005};
    double squares = 0;
    for (const double value : r)
        squares += value * value;
    for (std::size_t i = 0; i < 6; ++i)
        EXPECT_NEAR(weights[i], r[i] * r[i] * 6 / squares, 1e-5) << i;
}

TEST(TokenWeights, EqualImportancesGiveExactlyOne) {
    const std::vector<double> same(7, 0.3);
    EXPECT_THAT(tokenWeights(same, smallest(0.3, 1.7)), testing::Each(1.0));
    EXPECT_THAT(tokenWeights(kReceived, smallest(1.0)), testing::Each(testing::DoubleEq(1.0)));
}

TEST(TokenWeights, PaddingGetsNothingAndDoesNotCount) {
    const std::vector<std::uint8_t> visible{1, 1, 1, 0, 1, 0};
    const auto weights = tokenWeights(kReceived, smallest(0.1), visible);
    EXPECT_EQ(weights[3], 0.0);
    EXPECT_EQ(weights[5], 0.0);
    EXPECT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0), 4, 1e-12);
    // The least important token that is one stands at the smallest weight.
    EXPECT_NEAR(weights[2] / weights[0], 0.1, 1e-12);
    const auto alike = tokenWeights(std::vector<double>(6, 2.0), smallest(0.1), visible);
    EXPECT_THAT(alike, testing::ElementsAre(1, 1, 1, 0, 1, 0));
}

} // namespace
} // namespace qs
