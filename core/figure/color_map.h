#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qs {

/// An sRGB colour, 8 bits a channel.
struct Rgb {
    std::uint8_t red = 0, green = 0, blue = 0;

    bool operator==(const Rgb &) const = default;
};

/// A place in CIELAB (D65 white): lightness 0..100, a towards red, b towards yellow.
struct Lab {
    double lightness = 0, a = 0, b = 0;
};

Lab toLab(Rgb color);
/// The nearest displayable colour of the same lightness and hue: chroma is reduced until sRGB holds it.
Rgb toRgb(Lab color);

/// A table from [0, 1] to colours, interpolated in CIELAB so that lightness follows the value: readable in
/// grey print and by colour-blind people. Sequential maps are light at 1; diverging ones are lightest at 0.5.
struct ColorMap {
    enum class Kind { Sequential, Diverging };
    static constexpr int kSteps = 256;

    std::string id;   ///< "heat"
    std::string name; ///< "Heat": for menus
    Kind kind = Kind::Sequential;
    std::array<Rgb, kSteps> colors;

    /// Colour of t; values outside [0, 1] take the end colours, NaN takes kNotANumberColor.
    Rgb at(double t) const;
};

/// No map contains it, so NaN cells stand out on every one of them.
inline constexpr Rgb kNotANumberColor{255, 0, 255};

/// All maps: "sequential" and "diverging" first, which are the defaults for magnitudes and signed values.
const std::vector<ColorMap> &builtinColorMaps();
/// nullptr when there is no map of that id.
const ColorMap *findColorMap(std::string_view id);

} // namespace qs
