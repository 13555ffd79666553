#include "core/figure/axis.h"

#include <gmock/gmock.h>

namespace qs {
namespace {

std::vector<std::string> labels(const AxisScale &scale, int most) {
    std::vector<std::string> result;
    for (const Tick &tick : niceTicks(scale, most))
        if (!tick.label.empty())
            result.push_back(tick.label);
    return result;
}

TEST(Axis, TicksAreRoundAndShareTheirDecimals) {
    EXPECT_THAT(labels({0, 1, false}, 6), testing::ElementsAre("0.0", "0.2", "0.4", "0.6", "0.8", "1.0"));
    EXPECT_THAT(labels({-3, 7, false}, 6), testing::ElementsAre("−2", "0", "2", "4", "6"));
    EXPECT_THAT(labels({0, 5000, false}, 6),
                testing::ElementsAre("0", "1,000", "2,000", "3,000", "4,000", "5,000"));
    EXPECT_THAT(labels({0, 4e-6, false}, 5),
                testing::ElementsAre("0", "1×10⁻⁶", "2×10⁻⁶", "3×10⁻⁶", "4×10⁻⁶"));
}

TEST(Axis, LogarithmicTicksAreDecades) {
    EXPECT_THAT(labels({0.5, 2e5, true}, 10), testing::ElementsAre("1", "10", "100", "1000", "10⁴", "10⁵"));
    EXPECT_LE(labels({1e-30, 1e30, true}, 6).size(), 7u);
}

TEST(Axis, NeverMoreTicksThanAskedForPlusEnds) {
    for (const double span : {1e-7, 0.3, 1.0, 7.7, 123.0, 9e9})
        for (int most = 2; most < 12; ++most)
            EXPECT_LE(labels({-span / 3, span, false}, most).size(), static_cast<std::size_t>(most) + 1)
                << span << " " << most;
}

TEST(Axis, BackwardScalesHaveTheSameTicks) {
    EXPECT_EQ(labels({512, 0, false}, 6), labels({0, 512, false}, 6));
    EXPECT_DOUBLE_EQ((AxisScale{512, 0, false}.position(128)), 0.75);
}

TEST(Axis, DegenerateScalesHaveNoTicksButWidenToSome) {
    EXPECT_TRUE(niceTicks({1, 1, false}, 5).empty());
    EXPECT_TRUE(niceTicks({0, std::numeric_limits<double>::infinity(), false}, 5).empty());
    for (const double value : {0.0, 3.0, -1e-9}) {
        const AxisScale wide = widenedToTicks({value, value, false}, 5);
        EXPECT_LT(wide.lo, wide.hi);
        EXPECT_LE(wide.lo, value);
        EXPECT_GE(wide.hi, value);
    }
}

TEST(Axis, WidenedScaleEndsOnTicks) {
    const AxisScale wide = widenedToTicks({-1.3, 47.2, false}, 8);
    EXPECT_DOUBLE_EQ(wide.lo, -10);
    EXPECT_DOUBLE_EQ(wide.hi, 50);
}

} // namespace
} // namespace qs
