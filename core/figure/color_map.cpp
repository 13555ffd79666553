#include "core/figure/color_map.h"

#include "core/base/check.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace qs {
namespace {

// CIE 1931 white point D65.
constexpr double kWhiteX = 0.95047, kWhiteY = 1.0, kWhiteZ = 1.08883;

struct Linear {
    double red = 0, green = 0, blue = 0;
};

double toLinearLight(std::uint8_t channel) {
    const double value = channel / 255.0;
    return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}

std::uint8_t toChannel(double linear) {
    const double clamped = std::clamp(linear, 0.0, 1.0);
    const double value = clamped <= 0.0031308 ? clamped * 12.92 : 1.055 * std::pow(clamped, 1 / 2.4) - 0.055;
    return static_cast<std::uint8_t>(std::lround(value * 255));
}

double labForward(double ratio) {
    constexpr double kDelta = 6.0 / 29.0;
    return ratio > kDelta * kDelta * kDelta ? std::cbrt(ratio) : ratio / (3 * kDelta * kDelta) + 4.0 / 29.0;
}

double labInverse(double value) {
    constexpr double kDelta = 6.0 / 29.0;
    return value > kDelta ? value * value * value : 3 * kDelta * kDelta * (value - 4.0 / 29.0);
}

Linear toLinear(Lab color) {
    const double fy = (color.lightness + 16) / 116;
    const double x = kWhiteX * labInverse(fy + color.a / 500);
    const double y = kWhiteY * labInverse(fy);
    const double z = kWhiteZ * labInverse(fy - color.b / 200);
    return {3.2404542 * x - 1.5371385 * y - 0.4985314 * z, -0.9692660 * x + 1.8760108 * y + 0.0415560 * z,
            0.0556434 * x - 0.2040259 * y + 1.0572252 * z};
}

bool displayable(Linear color) {
    const auto inside = [](double value) { return value >= -1e-4 && value <= 1 + 1e-4; };
    return inside(color.red) && inside(color.green) && inside(color.blue);
}

/// Catmull-Rom through the neighbours of a segment; the ends repeat their own point.
double spline(double before, double from, double to, double after, double t) {
    const double m0 = (to - before) / 2, m1 = (after - from) / 2;
    const double t2 = t * t, t3 = t2 * t;
    return (2 * t3 - 3 * t2 + 1) * from + (t3 - 2 * t2 + t) * m0 + (-2 * t3 + 3 * t2) * to + (t3 - t2) * m1;
}

/// A smooth hue path through anchors, with lightness strictly linear from the first to the last of them.
Lab alongPath(std::span<const Lab> anchors, double t) {
    const int segments = static_cast<int>(anchors.size()) - 1;
    const int segment = std::min(static_cast<int>(t * segments), segments - 1);
    const auto anchor = [&](int i) -> const Lab & {
        return anchors[static_cast<std::size_t>(std::clamp(i, 0, segments))];
    };
    const Lab &p0 = anchor(segment - 1), &p1 = anchor(segment), &p2 = anchor(segment + 1),
              &p3 = anchor(segment + 2);
    const double local = t * segments - segment;
    return {anchors.front().lightness + t * (anchors.back().lightness - anchors.front().lightness),
            spline(p0.a, p1.a, p2.a, p3.a, local), spline(p0.b, p1.b, p2.b, p3.b, local)};
}

ColorMap sequentialMap(std::string id, std::string name, std::span<const Lab> anchors) {
    ColorMap map{std::move(id), std::move(name), ColorMap::Kind::Sequential, {}};
    for (int i = 0; i < ColorMap::kSteps; ++i)
        map.colors[static_cast<std::size_t>(i)] = toRgb(alongPath(anchors, i / (ColorMap::kSteps - 1.0)));
    return map;
}

/// Two paths from a shared light middle; both ends have the same lightness, so neither sign looks heavier.
ColorMap divergingMap(std::string id, std::string name, std::span<const Lab> low, std::span<const Lab> high) {
    ColorMap map{std::move(id), std::move(name), ColorMap::Kind::Diverging, {}};
    for (int i = 0; i < ColorMap::kSteps; ++i) {
        const double t = 2.0 * i / (ColorMap::kSteps - 1.0) - 1;
        map.colors[static_cast<std::size_t>(i)] = toRgb(alongPath(t < 0 ? low : high, std::abs(t)));
    }
    return map;
}

std::vector<ColorMap> makeMaps() {
    // Lightness of inner anchors is ignored (it is linear between the ends); a and b set the hue on the way.
    // All paths stay inside sRGB: a path that is cut at its border shows a false edge there.
    constexpr Lab kSequential[] = {{14, 18, -32}, {30, 6, -36},  {47, -14, -26},
                                   {63, -32, 8},  {80, -20, 48}, {94, -7, 46}};
    constexpr Lab kHeat[] = {{5, 4, -8},   {25, 38, -36}, {45, 56, -4},
                             {63, 42, 44}, {80, 16, 52},  {97, -3, 14}};
    constexpr Lab kGrey[] = {{8, 0, 0}, {97, 0, 0}};
    constexpr Lab kLow[] = {{96, 0, 0}, {73, -9, -20}, {50, -2, -37}, {27, 9, -37}};
    constexpr Lab kHigh[] = {{96, 0, 0}, {73, 20, 24}, {50, 44, 36}, {27, 38, 26}};
    return {sequentialMap("sequential", "Blue to yellow", kSequential),
            divergingMap("diverging", "Blue to red, centred", kLow, kHigh),
            sequentialMap("heat", "Heat", kHeat), sequentialMap("grey", "Grey", kGrey)};
}

} // namespace

Lab toLab(Rgb color) {
    const double r = toLinearLight(color.red), g = toLinearLight(color.green), b = toLinearLight(color.blue);
    const double fx = labForward((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / kWhiteX);
    const double fy = labForward((0.2126729 * r + 0.7151522 * g + 0.0721750 * b) / kWhiteY);
    const double fz = labForward((0.0193339 * r + 0.1191920 * g + 0.9503041 * b) / kWhiteZ);
    return {116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)};
}

Rgb toRgb(Lab color) {
    double lowest = 0, highest = 1; // share of the chroma that fits
    const auto scaled = [&](double share) {
        return toLinear({color.lightness, color.a * share, color.b * share});
    };
    if (displayable(scaled(1))) {
        lowest = 1;
    } else {
        for (int i = 0; i < 24; ++i) {
            const double middle = (lowest + highest) / 2;
            (displayable(scaled(middle)) ? lowest : highest) = middle;
        }
    }
    const Linear linear = scaled(lowest);
    return {toChannel(linear.red), toChannel(linear.green), toChannel(linear.blue)};
}

Rgb ColorMap::at(double t) const {
    if (std::isnan(t))
        return kNotANumberColor;
    const double position = std::clamp(t, 0.0, 1.0) * (kSteps - 1);
    return colors[static_cast<std::size_t>(std::lround(position))];
}

const std::vector<ColorMap> &builtinColorMaps() {
    static const std::vector<ColorMap> maps = makeMaps();
    return maps;
}

const ColorMap *findColorMap(std::string_view id) {
    for (const ColorMap &map : builtinColorMaps())
        if (map.id == id)
            return &map;
    return nullptr;
}

} // namespace qs
