#include "views/canvas/graph_camera.h"

#include <algorithm>

namespace qs::views {

double GraphCamera::fitScale() const {
    const double x = (m_viewport.width() - m_coveredRight - 2 * kMargin) / std::max(m_content.width(), 1.0);
    const double y = (m_viewport.height() - 2 * kMargin) / std::max(m_content.height(), 1.0);
    // A small graph is not blown up beyond its natural size.
    return std::clamp(std::min(x, y), 1e-6, 1.0);
}

void GraphCamera::setViewport(QSizeF pixels, double coveredRight) {
    m_viewport = pixels;
    m_coveredRight = coveredRight;
    if (m_fitted)
        fit();
}

void GraphCamera::fit() {
    m_scale = fitScale();
    m_center = {m_content.width() / 2 + m_coveredRight / (2 * m_scale), m_content.height() / 2};
    m_fitted = true;
}

void GraphCamera::startView(double readableScale) {
    fit();
    if (m_scale >= readableScale)
        return;
    m_fitted = false;
    const double across = (m_viewport.width() - 2 * kMargin) / std::max(m_content.width(), 1.0);
    const double down = (m_viewport.height() - 2 * kMargin) / std::max(m_content.height(), 1.0);
    m_scale = std::clamp(std::max(across, down), readableScale, 1.0);
    if (down < across)
        m_center.setY((m_viewport.height() / 2 - kMargin) / m_scale);
    else
        m_center.setX((m_viewport.width() / 2 - kMargin) / m_scale);
    clamp();
}

void GraphCamera::zoomAt(QPointF pixel, double factor) {
    const QPointF unit = toUnit(pixel);
    m_scale = std::clamp(m_scale * factor, fitScale() * 0.8, kClosest);
    m_fitted = false;
    place(unit, pixel);
}

void GraphCamera::panBy(QPointF pixels) {
    m_center -= pixels / m_scale;
    m_fitted = false;
    clamp();
}

void GraphCamera::centerOn(QPointF unit) {
    m_center = unit;
    m_fitted = false;
    clamp();
}

void GraphCamera::reveal(const QRectF &units) {
    const QRectF seen =
        visible().adjusted(kMargin / m_scale, kMargin / m_scale, -kMargin / m_scale, -kMargin / m_scale);
    if (seen.contains(units))
        return;
    const auto shift = [](double lo, double hi, double seenLo, double seenHi) {
        return hi - lo > seenHi - seenLo ? (lo + hi - seenLo - seenHi) / 2
               : lo < seenLo             ? lo - seenLo
               : hi > seenHi             ? hi - seenHi
                                         : 0.0;
    };
    m_center += {shift(units.left(), units.right(), seen.left(), seen.right()),
                 shift(units.top(), units.bottom(), seen.top(), seen.bottom())};
    m_fitted = false;
    clamp();
}

void GraphCamera::place(QPointF unit, QPointF pixel) {
    m_center = unit - (pixel - QPointF(m_viewport.width(), m_viewport.height()) / 2) / m_scale;
    m_fitted = false;
    clamp();
}

QPointF GraphCamera::toPixel(QPointF unit) const {
    return (unit - m_center) * m_scale + QPointF(m_viewport.width(), m_viewport.height()) / 2;
}

QPointF GraphCamera::toUnit(QPointF pixel) const {
    return m_center + (pixel - QPointF(m_viewport.width(), m_viewport.height()) / 2) / m_scale;
}

QRectF GraphCamera::visible() const {
    return {toUnit({0, 0}), toUnit({m_viewport.width(), m_viewport.height()})};
}

void GraphCamera::clamp() {
    m_center.setX(std::clamp(m_center.x(), 0.0, m_content.width()));
    m_center.setY(std::clamp(m_center.y(), 0.0, m_content.height()));
}

} // namespace qs::views
