#pragma once

namespace qs::views {

/// One axis of a zoomable map: content cells [0, length) shown on pixels [origin, origin + extent).
/// The content always covers the pixels; the closest zoom-out is the fit.
class AxisZoom {
public:
    /// New content starts fitted.
    void setContent(double length);
    /// New pixels keep the fit, or else the cell in the middle.
    void setPixels(double origin, double extent);

    void fit();
    /// Scales by `factor` (> 1 = closer) and keeps the content under `pixel` where it is.
    void zoomAt(double pixel, double factor);
    /// Moves the content with the pointer.
    void panBy(double pixels);
    /// Shows the cells [first, last), as far as the limits allow.
    void showCells(double first, double last);
    /// Moves as little as needed so that the cell can be seen.
    void reveal(double cell);

    double toPixel(double cell) const { return m_origin + (cell - m_first) * m_scale; }
    double toCell(double pixel) const { return m_first + (pixel - m_origin) / m_scale; }
    double scale() const { return m_scale; } ///< pixels per cell
    double firstCell() const { return m_first; }
    double lastCell() const { return m_first + m_extent / m_scale; }
    double length() const { return m_length; }
    bool isFitted() const { return m_fitted; }

    static constexpr double kMaxPixelsPerCell = 96;

private:
    double fitScale() const { return m_extent / m_length; }
    void clamp();

    double m_length = 1;
    double m_origin = 0, m_extent = 1;
    double m_first = 0, m_scale = 1;
    bool m_fitted = true;
};

/// The view transform that canvases share: two independent axes, because maps are often far from square.
struct PanZoom {
    AxisZoom x, y;

    void fit() {
        x.fit();
        y.fit();
    }
    bool isFitted() const { return x.isFitted() && y.isFitted(); }
};

} // namespace qs::views
