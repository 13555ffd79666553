#include "core/figure/color_map.h"

#include <gmock/gmock.h>
#include <limits>

namespace qs {
namespace {

/// What a person without green cones sees (linear light, Viénot, Brettel, Mollon 1999).
Rgb asDeuteranope(Rgb color) {
    const auto linear = [](std::uint8_t c) { return std::pow(c / 255.0, 2.2); };
    const double r = linear(color.red), g = linear(color.green), b = linear(color.blue);
    const auto channel = [](double v) {
        return static_cast<std::uint8_t>(std::lround(255 * std::pow(std::clamp(v, 0.0, 1.0), 1 / 2.2)));
    };
    const double yellow = 0.29275 * r + 0.70725 * g;
    return {channel(yellow), channel(yellow), channel(-0.02234 * r + 0.02234 * g + b)};
}

double distance(Lab a, Lab b) {
    return std::hypot(a.lightness - b.lightness, a.a - b.a, a.b - b.b);
}

TEST(ColorMap, LabRoundTripsEveryChannel) {
    for (int red = 0; red < 256; red += 15)
        for (int green = 0; green < 256; green += 15)
            for (int blue = 0; blue < 256; blue += 15) {
                const Rgb color{static_cast<std::uint8_t>(red), static_cast<std::uint8_t>(green),
                                static_cast<std::uint8_t>(blue)};
                ASSERT_EQ(toRgb(toLab(color)), color) << red << " " << green << " " << blue;
            }
}

TEST(ColorMap, WhiteAndRedHaveKnownLab) {
    const Lab white = toLab({255, 255, 255});
    EXPECT_NEAR(white.lightness, 100, 0.01);
    EXPECT_NEAR(white.a, 0, 0.02);
    EXPECT_NEAR(white.b, 0, 0.02);
    const Lab red = toLab({255, 0, 0}); // published: 53.24, 80.09, 67.20
    EXPECT_NEAR(red.lightness, 53.24, 0.02);
    EXPECT_NEAR(red.a, 80.09, 0.05);
    EXPECT_NEAR(red.b, 67.20, 0.05);
}

TEST(ColorMap, LightnessFollowsTheValue) {
    for (const ColorMap &map : builtinColorMaps()) {
        const int half = map.kind == ColorMap::Kind::Diverging ? ColorMap::kSteps / 2 : ColorMap::kSteps;
        for (int i = 8; i < half; i += 4) {
            const auto lightness = [&](int k) {
                return toLab(map.colors[static_cast<std::size_t>(k)]).lightness;
            };
            EXPECT_GT(lightness(i), lightness(i - 8)) << map.id << " step " << i;
            if (map.kind == ColorMap::Kind::Diverging) {
                EXPECT_NEAR(lightness(i), lightness(ColorMap::kSteps - 1 - i), 1.0)
                    << map.id << " step " << i;
            }
        }
    }
}

TEST(ColorMap, DivergingEndsDifferForDeuteranopes) {
    const ColorMap *map = findColorMap("diverging");
    ASSERT_NE(map, nullptr);
    for (int i = 0; i < ColorMap::kSteps / 4; ++i) {
        const Rgb low = map->colors[static_cast<std::size_t>(i)];
        const Rgb high = map->colors[static_cast<std::size_t>(ColorMap::kSteps - 1 - i)];
        EXPECT_GT(distance(toLab(asDeuteranope(low)), toLab(asDeuteranope(high))), 25) << i;
    }
}

TEST(ColorMap, NoMapContainsTheColourOfNaN) {
    for (const ColorMap &map : builtinColorMaps()) {
        for (Rgb color : map.colors)
            EXPECT_GT(distance(toLab(color), toLab(kNotANumberColor)), 20) << map.id;
        EXPECT_EQ(map.at(std::numeric_limits<double>::quiet_NaN()), kNotANumberColor);
        EXPECT_EQ(map.at(-3), map.colors.front());
        EXPECT_EQ(map.at(3), map.colors.back());
    }
}

TEST(ColorMap, UnknownIdGivesNothing) {
    EXPECT_EQ(findColorMap("no such map"), nullptr);
}

} // namespace
} // namespace qs
