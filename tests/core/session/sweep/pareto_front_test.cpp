#include "core/session/sweep/pareto_front.h"

#include <gmock/gmock.h>
#include <limits>

namespace qs {
namespace {

using testing::ElementsAre;

TEST(ParetoFront, KeepsWhatNoOtherPointBeats) {
    const std::vector<ParetoPoint> points{{2, 10}, {4, 5}, {4, 6}, {8, 5}, {3, 12}};
    EXPECT_THAT(paretoFront(points, false), ElementsAre(true, true, false, false, false));
    EXPECT_THAT(paretoFront(points, true), ElementsAre(true, false, false, false, true));
}

TEST(ParetoFront, EqualPointsStandTogether) {
    const std::vector<ParetoPoint> points{{4, 5}, {4, 5}};
    EXPECT_THAT(paretoFront(points, true), ElementsAre(true, true));
}

TEST(ParetoFront, NanIsNeverOnItAndBeatsNothing) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const std::vector<ParetoPoint> points{{2, nan}, {nan, 1}, {4, 5}};
    EXPECT_THAT(paretoFront(points, true), ElementsAre(false, false, true));
    EXPECT_THAT(paretoFront(points, false), ElementsAre(false, false, true));
}

TEST(ParetoFront, InfiniteValuesCompareLikeOthers) {
    const double infinity = std::numeric_limits<double>::infinity();
    const std::vector<ParetoPoint> points{{2, infinity}, {4, 5}};
    EXPECT_THAT(paretoFront(points, false), ElementsAre(true, true))
        << "an exploded perplexity, but fewer bits";
    EXPECT_THAT(paretoFront(points, true), ElementsAre(true, false));
}

} // namespace
} // namespace qs
