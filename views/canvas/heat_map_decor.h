#pragma once

#include "views/canvas/heat_map_scene.h"
#include "views/canvas/pan_zoom.h"

#include <QPalette>
#include <QRectF>

struct ImDrawList;

namespace qs::views {

/// Where the parts of a heat map lie, in logical pixels.
struct HeatMapLayout {
    QRectF plot;      ///< the cells
    QRectF colorBar;  ///< the gradient alone, its labels are to the right
    double width = 0; ///< of the canvas

    static HeatMapLayout make(const HeatMapScene &scene, double width, double height);
};

/// Draws what surrounds and overlays the cells of a heat map. Lives for one frame.
class HeatMapDecor {
public:
    HeatMapDecor(const HeatMapScene &scene, const HeatMapLayout &layout, const PanZoom &zoom,
                 const QPalette &palette, ImDrawList &draw);

    void drawHatch();    ///< beneath the cells: shows where rows have ended
    void drawBorders();  ///< between blocks, when they are far enough apart
    void drawNumbers();  ///< the value inside each cell, when cells are large enough
    void drawOutliers(); ///< outlines of single cells, and marks along the top and right edge
    void drawSelection();
    void drawAxes();
    void drawColorBar();

private:
    void drawNotFinite();
    void drawSelectionMarks(double x, double y);
    void drawRowLabels();
    void drawColumnLabels();
    void text(double x, double y, const QString &string, unsigned int color);
    bool visibleCells(std::int64_t &row, std::int64_t &col, std::int64_t &endRow, std::int64_t &endCol) const;

    const HeatMapScene &m_scene;
    const HeatMapLayout &m_layout;
    const PanZoom &m_zoom;
    ImDrawList &m_draw;
    unsigned int m_textColor, m_weakColor, m_accentColor, m_baseColor;
};

} // namespace qs::views
