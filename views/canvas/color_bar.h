#pragma once

#include "views/canvas/heat_map_scale.h"

#include <QRectF>
#include <QString>

struct ImDrawList;

namespace qs::views {

inline constexpr int kColorBarTicks = 6;

struct ColorBarStyle {
    unsigned int textColor = 0, weakColor = 0; ///< as ImGui packs them
};

/// A vertical colour bar that fills the rectangle, its frame and labelled ticks right of it.
void drawColorBar(ImDrawList &draw, const QRectF &bar, const ColorMap &map, const HeatMapScale &scale,
                  const ColorBarStyle &style);

} // namespace qs::views
