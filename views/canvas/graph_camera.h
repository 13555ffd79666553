#pragma once

#include <QPointF>
#include <QRectF>
#include <QSizeF>

namespace qs::views {

/// What part of a drawing is seen: one scale for both axes, unlike PanZoom. Content lies in [0, width] × [0,
/// height]; what the view looks at stays within it.
class GraphCamera {
public:
    static constexpr double kMargin = 24; ///< pixels around the fitted content
    static constexpr double kClosest = 4; ///< pixels per unit

    /// Keeps the fit, or what is in the middle. \param coveredRight  pixels that the fit leaves to a legend
    void setViewport(QSizeF pixels, double coveredRight = 0);
    void setContent(QSizeF units) { m_content = units; }

    void fit();
    /// The fit when texts can be read in it, else the beginning of the content: its top, or its left side
    /// when it is a wide one.
    void startView(double readableScale);
    void zoomAt(QPointF pixel, double factor);
    void panBy(QPointF pixels);
    void centerOn(QPointF unit);
    /// Moves as little as needed so that the rectangle is seen.
    void reveal(const QRectF &units);
    /// Moves so that a point of the content appears at a pixel.
    void place(QPointF unit, QPointF pixel);

    QPointF toPixel(QPointF unit) const;
    QPointF toUnit(QPointF pixel) const;
    double scale() const { return m_scale; } ///< pixels per unit
    bool isFitted() const { return m_fitted; }
    QRectF visible() const; ///< in units

private:
    double fitScale() const;
    void clamp();

    QSizeF m_viewport{1, 1}, m_content{1, 1};
    QPointF m_center; ///< unit in the middle of the viewport
    double m_scale = 1, m_coveredRight = 0;
    bool m_fitted = true;
};

} // namespace qs::views
