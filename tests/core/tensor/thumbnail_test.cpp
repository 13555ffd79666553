#include "core/tensor/thumbnail.h"

#include <gmock/gmock.h>
#include <limits>

namespace qs {
namespace {

using testing::ElementsAre;

TEST(Thumbnail, SmallMatricesAreCopied) {
    const std::vector<float> values{1, -2, 3, 4, 5, 6};
    const Tensor small = thumbnail({values.data(), 2, 3}, 8);
    EXPECT_EQ(small.shape(), (Shape{2, 3}));
    EXPECT_THAT(small.values<float>(), ElementsAre(1, -2, 3, 4, 5, 6));
}

TEST(Thumbnail, KeepsTheExtremeOfEveryCellWithItsSign) {
    const std::vector<float> values{1, -7, 2, 3, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 0};
    const Tensor small = thumbnail({values.data(), 4, 4}, 2);
    EXPECT_THAT(small.values<float>(), ElementsAre(-7, 3, 1, 9));
}

TEST(Thumbnail, NanBeatsAll) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> values{5, nan, 9, 1};
    EXPECT_TRUE(std::isnan(thumbnail({values.data(), 2, 2}, 1).values<float>()[0]));
}

TEST(Thumbnail, SizesThatDoNotDivideLoseNothing) {
    std::vector<float> values(101 * 7, 0.0f);
    values[100 * 7 + 6] = 3;
    const Tensor small = thumbnail({values.data(), 101, 7}, 5);
    EXPECT_EQ(small.shape(), (Shape{5, 5}));
    EXPECT_EQ(small.values<float>()[24], 3);
}

} // namespace
} // namespace qs
