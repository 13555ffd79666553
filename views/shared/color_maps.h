#pragma once

#include "core/figure/color_map.h"

#include <QColor>

namespace qs::views {

inline QColor toQColor(Rgb color) {
    return {color.red, color.green, color.blue};
}

/// Black or white, whichever is easier to read on the colour (by CIE lightness).
QColor readableTextOn(const QColor &background);

/// Whether the palette in use is a dark one: its window is darker than its text.
bool isDarkTheme();

} // namespace qs::views
