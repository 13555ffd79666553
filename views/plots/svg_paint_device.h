#pragma once

#include <QPaintDevice>
#include <memory>

namespace qs::views {

/// Paints into SVG. Unlike QSvgGenerator it keeps clipping, without which curves run out of their axes. Holds
/// what charts draw: paths, polygons, texts (as texts), images; no gradients.
class SvgPaintDevice final : public QPaintDevice {
public:
    /// \param millimetres  of the sheet;  \param size  of the sheet in the painter's coordinates
    SvgPaintDevice(QSizeF millimetres, QSizeF size);
    ~SvgPaintDevice() override;

    /// The whole file, after the painter has ended.
    QByteArray svg() const;

    QPaintEngine *paintEngine() const override;

protected:
    int metric(PaintDeviceMetric metric) const override;

private:
    class Engine;
    QSizeF m_millimetres, m_size;
    std::unique_ptr<Engine> m_engine;
};

} // namespace qs::views
