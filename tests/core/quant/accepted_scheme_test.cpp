#include "core/quant/accepted_scheme.h"
#include "tests/support/one_format.h"

#include <gtest/gtest.h>

namespace qs {
namespace {

const std::vector<WeightExtent> kWeights{{8, 24, 1}, {8, 64, 1}};

std::optional<WeightGridScheme> accepted(const WeightGridScheme &wished, const AskedScheme &asked = {},
                                         const std::vector<WeightExtent> &weights = kWeights) {
    return acceptedScheme(OneFormat(), nlohmann::json::object(), wished, weights, asked);
}

WeightGridScheme wish() {
    WeightGridScheme scheme;
    scheme.grid = {8, GridConvention::SymmetricFull, {}, RoundingMode::HalfAway};
    scheme.scaleAsFloat16 = true;
    return scheme;
}

TEST(AcceptedScheme, IsTheOneOfTheFormatAndKeepsWhatTheFormatDoesNotCareAbout) {
    const auto scheme = accepted(wish());
    ASSERT_TRUE(scheme);
    EXPECT_EQ(scheme->grid.bits, 4);
    EXPECT_EQ(scheme->groupSize, 32);
    EXPECT_EQ(scheme->granularity, Granularity::PerGroup);
    EXPECT_EQ(scheme->grid.convention, GridConvention::Asymmetric);
    EXPECT_FALSE(scheme->scaleAsFloat16);
    EXPECT_EQ(scheme->grid.rounding, RoundingMode::HalfAway);
}

TEST(AcceptedScheme, LeavesWhatWasAskedFor) {
    EXPECT_FALSE(accepted(wish(), {.bits = true}));
    EXPECT_FALSE(accepted(wish(), {.convention = true}));
    EXPECT_FALSE(accepted(wish(), {.granularity = true}));
    EXPECT_FALSE(accepted(wish(), {.groupSize = true}));
    EXPECT_FALSE(accepted(wish(), {.scaleAsFloat16 = true}));
    WeightGridScheme fitting = wish();
    fitting.groupSize = 32;
    EXPECT_TRUE(accepted(fitting, {.groupSize = true}));
}

TEST(AcceptedScheme, IsTheWishWhereTheMethodTakesIt) {
    EXPECT_EQ(acceptedScheme(*makeRtnQuantizer(), nlohmann::json::object(), wish(), kWeights), wish());
    WeightGridScheme groups = wish();
    groups.granularity = Granularity::PerGroup;
    groups.groupSize = 8;
    EXPECT_EQ(acceptedScheme(*makeRtnQuantizer(), nlohmann::json::object(), groups, kWeights), groups);
}

TEST(AcceptedScheme, NoneForWeightsThatTheFormatCannotHold) {
    EXPECT_FALSE(accepted(wish(), {}, {{8, 24, 1}}));
    EXPECT_FALSE(accepted(wish(), {}, {}));
}

} // namespace
} // namespace qs
