#pragma once

#include "core/figure/color_map.h"

namespace qs {

/// Colours for things without order. Neighbours differ in lightness too, so they are told apart without hue.
Rgb seriesColor(int index, bool dark);

} // namespace qs
