#include "core/figure/heat_map.h"

#include "core/tensor/outlier_score.h"

#include <gmock/gmock.h>
#include <limits>

namespace qs {
namespace {

const ColorMap &grey() {
    return *findColorMap("grey");
}

TEST(HeatMap, OneOutlierSurvivesAnyReduction) {
    std::vector<float> values(300 * 700, 0.01f);
    values[123 * 700 + 457] = -9.0f;
    for (const int width : {1, 7, 100, 699, 700, 1500})
        for (const int height : {1, 5, 299, 400}) {
            const PixelImage image =
                heatMapPixels({values.data(), 300, 700}, width, height, grey(), {0, 9, false});
            ASSERT_EQ(image.pixels.size(), static_cast<std::size_t>(width * height));
            EXPECT_THAT(image.pixels, testing::Contains(grey().colors.back())) << width << "x" << height;
        }
}

TEST(HeatMap, PixelsShowTheirOwnElementsWhenThereIsRoom) {
    const std::vector<float> values{0, 1, 2, 3};
    const PixelImage image = heatMapPixels({values.data(), 2, 2}, 4, 2, grey(), {0, 3, false});
    const auto at = [&](std::size_t i) { return image.pixels[i]; };
    EXPECT_EQ(at(0), grey().at(0));
    EXPECT_EQ(at(1), grey().at(0));
    EXPECT_EQ(at(2), grey().at(1 / 3.0));
    EXPECT_EQ(at(7), grey().at(1));
}

TEST(HeatMap, NaNBeatsEverything) {
    const std::vector<float> values{5, std::numeric_limits<float>::quiet_NaN(), 100, 1};
    const PixelImage image = heatMapPixels({values.data(), 1, 4}, 1, 1, grey(), {0, 100, false});
    EXPECT_EQ(image.pixels[0], kNotANumberColor);
}

TEST(HeatMap, ADivergingMapShowsTheSignOfTheExtreme) {
    const ColorMap &map = *findColorMap("diverging");
    const std::vector<float> values{1, -3, 2, 0.5f};
    EXPECT_EQ(heatMapPixels({values.data(), 1, 4}, 1, 1, map, {-3, 3, false}).pixels[0], map.at(0));
    EXPECT_EQ(heatMapPixels({values.data(), 1, 4}, 1, 1, grey(), {0, 3, false}).pixels[0], grey().at(1));
}

TEST(HeatMap, EmptyMatrixGivesNoPixels) {
    EXPECT_TRUE(heatMapPixels({nullptr, 0, 0}, 10, 10, grey(), {0, 1, false}).pixels.empty());
}

TEST(MagnitudeScale, EndsAtTheLargestAndStartsAtMostFiveDecadesBelow) {
    std::vector<float> values(1000, 1e-9f);
    values[7] = -50;
    const AxisScale scale = magnitudeScale(values);
    EXPECT_TRUE(scale.logarithmic);
    EXPECT_DOUBLE_EQ(scale.hi, 50);
    EXPECT_NEAR(scale.lo, 50e-5, 1e-9);
    const std::vector<float> zeros(10, 0.0f);
    EXPECT_FALSE(magnitudeScale(zeros).logarithmic);
}

TEST(OutlierScore, IsLargestOverMedian) {
    const std::vector<float> odd{1, 2, 40}, even{1, 3, 5, 40}, constant{2, 2, 2}, zeros{0, 0, 0, 1};
    EXPECT_DOUBLE_EQ(outlierScore(odd), 20);
    EXPECT_DOUBLE_EQ(outlierScore(even), 10);
    EXPECT_DOUBLE_EQ(outlierScore(constant), 1);
    EXPECT_DOUBLE_EQ(outlierScore(zeros), 0);
    EXPECT_DOUBLE_EQ(outlierScore({}), 0);
}

} // namespace
} // namespace qs
