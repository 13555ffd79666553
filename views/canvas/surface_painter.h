#pragma once

#include "views/canvas/surface_canvas.h"

#include <QPalette>

struct ImDrawList;

namespace qs::views {

/// Where the parts of a surface lie, in logical pixels.
struct SurfaceLayout {
    QRectF plot, colorBar;
    double width = 0; ///< of the canvas

    static SurfaceLayout make(const SurfaceScene &scene, double width, double height);
};

/// Draws box, bars, axes and colour bar. Lives for one frame.
class SurfacePainter {
public:
    SurfacePainter(const SurfaceScene &scene, const SurfaceBars &bars, const SurfaceCamera &camera,
                   const SurfaceLayout &layout, const QPalette &palette, ImDrawList &draw);

    void drawBox(); ///< floor and far walls with lines at the ticks of the height
    /// \param marked  is drawn in the colour of the selection; -1 = none
    void drawBars(std::int64_t marked);
    void drawAxes();
    void drawColorBar();
    void drawNotes(const QString &reduction); ///< top left, below one another

private:
    void drawBar(std::int64_t row, std::int64_t col, bool isMarked);
    void drawIndexAxis(bool alongColumns);
    void drawHeightAxis();
    void line(const BoxPoint &from, const BoxPoint &to, unsigned int color);
    void text(double x, double y, const QString &string, unsigned int color);
    double indexPlace(std::int64_t index, bool alongColumns) const;

    const SurfaceScene &m_scene;
    const SurfaceBars &m_bars;
    const SurfaceCamera &m_camera;
    const SurfaceLayout &m_layout;
    ImDrawList &m_draw;
    unsigned int m_textColor, m_weakColor, m_gridColor, m_accentColor;
    double m_nearX, m_nearY;                    ///< the sides of the box that face the viewer: 0 or 1
    ScreenPoint m_base, m_perX, m_perY, m_perZ; ///< projection as vectors in pixels
};

} // namespace qs::views
