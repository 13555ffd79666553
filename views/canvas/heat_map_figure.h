#pragma once

#include "core/figure/figure.h"
#include "views/canvas/heat_map_scene.h"

namespace qs::views {

/// The part of a map that is seen: rows and columns [first, end).
struct HeatMapWindow {
    std::int64_t firstRow = 0, endRow = 0, firstCol = 0, endCol = 0;

    std::int64_t rows() const { return endRow - firstRow; }
    std::int64_t cols() const { return endCol - firstCol; }
};

/// A heat map as a figure: axes, colour bar and texts as vectors, the cells as an image in which the extreme
/// of joined cells wins, as on the canvas. Its table holds every cell of the window. \param scene  with data
std::unique_ptr<Figure> makeHeatMapFigure(HeatMapScene scene, HeatMapWindow window);

} // namespace qs::views
