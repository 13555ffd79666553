#include "views/canvas/pan_zoom.h"

#include <algorithm>

namespace qs::views {

void AxisZoom::setContent(double length) {
    m_length = std::max(length, 1.0);
    fit();
}

void AxisZoom::setPixels(double origin, double extent) {
    const double middle = toCell(m_origin + m_extent / 2);
    m_origin = origin;
    m_extent = std::max(extent, 1.0);
    if (m_fitted) {
        fit();
        return;
    }
    m_first = middle - m_extent / m_scale / 2;
    clamp();
}

void AxisZoom::fit() {
    m_first = 0;
    m_scale = fitScale();
    m_fitted = true;
}

void AxisZoom::zoomAt(double pixel, double factor) {
    const double cell = toCell(pixel);
    m_scale = std::clamp(m_scale * factor, fitScale(), std::max(fitScale(), kMaxPixelsPerCell));
    m_first = cell - (pixel - m_origin) / m_scale;
    m_fitted = false;
    clamp();
}

void AxisZoom::panBy(double pixels) {
    if (m_fitted)
        return;
    m_first -= pixels / m_scale;
    clamp();
}

void AxisZoom::showCells(double first, double last) {
    m_scale = m_extent / std::max(last - first, 1e-9);
    m_first = first;
    m_fitted = false;
    clamp();
}

void AxisZoom::reveal(double cell) {
    if (m_fitted)
        return;
    if (cell < m_first)
        m_first = cell;
    else if (cell + 1 > lastCell())
        m_first = cell + 1 - m_extent / m_scale;
    clamp();
}

void AxisZoom::clamp() {
    m_scale = std::clamp(m_scale, fitScale(), std::max(fitScale(), kMaxPixelsPerCell));
    if (m_scale <= fitScale() * (1 + 1e-9)) {
        fit();
        return;
    }
    m_first = std::clamp(m_first, 0.0, m_length - m_extent / m_scale);
}

} // namespace qs::views
