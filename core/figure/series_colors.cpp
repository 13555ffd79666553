#include "core/figure/series_colors.h"

#include <cmath>
#include <numbers>

namespace qs {

Rgb seriesColor(int index, bool dark) {
    // Hues around the circle without red beside green; lightness alternates.
    struct Place {
        double lightness, chroma, hueDegrees;
    };
    static constexpr Place kPlaces[] = {{47, 48, 270}, {62, 68, 60}, {40, 34, 180}, {60, 52, 345},
                                        {36, 50, 310}, {70, 56, 95}, {55, 34, 230}, {42, 56, 30}};
    const Place &place = kPlaces[static_cast<std::size_t>(index) % std::size(kPlaces)];
    const double hue = place.hueDegrees * std::numbers::pi / 180;
    const double lightness = dark ? place.lightness + 18 : place.lightness;
    return toRgb({lightness, place.chroma * std::cos(hue), place.chroma * std::sin(hue)});
}

} // namespace qs
