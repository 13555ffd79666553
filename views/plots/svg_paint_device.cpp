#include "views/plots/svg_paint_device.h"

#include <QBuffer>
#include <QFont>
#include <QImage>
#include <QPaintEngine>
#include <QPainterPath>
#include <QPen>
#include <QPixmap>

namespace qs::views {
namespace {

QByteArray number(double value) {
    return QByteArray::number(value, 'g', 7);
}

QByteArray matrix(const QTransform &t) {
    QByteArrayList parts;
    for (const double value : {t.m11(), t.m12(), t.m21(), t.m22(), t.dx(), t.dy()})
        parts << number(value);
    return "transform=\"matrix(" + parts.join(' ') + ")\"";
}

QByteArray pathData(const QPainterPath &path) {
    QByteArray data;
    for (int i = 0; i < path.elementCount(); ++i) {
        const QPainterPath::Element element = path.elementAt(i);
        const char *command = element.isMoveTo()                             ? "M"
                              : element.isLineTo()                           ? "L"
                              : element.type == QPainterPath::CurveToElement ? "C"
                                                                             : " ";
        data += command + number(element.x) + ' ' + number(element.y);
    }
    return data;
}

QByteArray paint(const char *property, const QColor &color) {
    QByteArray text = QByteArray(" ") + property + "=\"" + color.name().toLatin1() + '"';
    if (color.alpha() < 255)
        text += QByteArray(" ") + property + "-opacity=\"" + number(color.alphaF()) + '"';
    return text;
}

} // namespace

class SvgPaintDevice::Engine final : public QPaintEngine {
public:
    Engine()
        : QPaintEngine(PaintEngineFeatures(PainterPaths | PrimitiveTransform | PixmapTransform | AlphaBlend |
                                           Antialiasing | PaintOutsidePaintEvent)) {}

    bool begin(QPaintDevice *) override { return true; }
    bool end() override {
        closeClip();
        return true;
    }
    Type type() const override { return User; }

    void updateState(const QPaintEngineState &state) override {
        const DirtyFlags changed = state.state();
        if (changed & DirtyTransform)
            m_transform = state.transform();
        if (changed & DirtyPen)
            m_pen = state.pen();
        if (changed & DirtyBrush)
            m_brush = state.brush();
        if (changed & (DirtyClipRegion | DirtyClipPath | DirtyClipEnabled))
            updateClip(state);
    }
    void drawPath(const QPainterPath &path) override {
        m_out += "<path " + matrix(m_transform) + " d=\"" + pathData(path) + '"' + fill(path.fillRule()) +
                 stroke() + "/>\n";
    }
    void drawPolygon(const QPointF *points, int count, PolygonDrawMode mode) override {
        if (count == 0)
            return;
        QPainterPath path(points[0]);
        for (int i = 1; i < count; ++i)
            path.lineTo(points[i]);
        if (mode != PolylineMode)
            path.closeSubpath();
        path.setFillRule(mode == WindingMode ? Qt::WindingFill : Qt::OddEvenFill);
        m_out += "<path " + matrix(m_transform) + " d=\"" + pathData(path) + '"' +
                 (mode == PolylineMode ? QByteArray(" fill=\"none\"") : fill(path.fillRule())) + stroke() +
                 "/>\n";
    }
    using QPaintEngine::drawPolygon;
    void drawTextItem(const QPointF &at, const QTextItem &item) override {
        const QFont font = item.font();
        m_out += "<text " + matrix(m_transform) + " x=\"" + number(at.x()) + "\" y=\"" + number(at.y()) +
                 "\" font-family=\"" + font.family().toHtmlEscaped().toUtf8() +
                 ", sans-serif\" font-size=\"" + number(QFontInfo(font).pixelSize()) + '"' +
                 (font.bold() ? " font-weight=\"bold\"" : "") + paint("fill", m_pen.color()) + '>' +
                 item.text().toHtmlEscaped().toUtf8() + "</text>\n";
    }
    void drawPixmap(const QRectF &target, const QPixmap &pixmap, const QRectF &source) override {
        drawImage(target, pixmap.toImage(), source, Qt::AutoColor);
    }
    void drawImage(const QRectF &target, const QImage &image, const QRectF &source,
                   Qt::ImageConversionFlags) override {
        QByteArray png;
        QBuffer buffer(&png);
        image.copy(source.toRect()).save(&buffer, "PNG");
        m_out +=
            "<image " + matrix(m_transform) + " x=\"" + number(target.x()) + "\" y=\"" + number(target.y()) +
            "\" width=\"" + number(target.width()) + "\" height=\"" + number(target.height()) +
            "\" preserveAspectRatio=\"none\" xlink:href=\"data:image/png;base64," + png.toBase64() + "\"/>\n";
    }
    const QByteArray &content() const { return m_out; }

private:
    void closeClip() {
        if (m_clipped)
            m_out += "</g>\n";
        m_clipped = false;
    }
    void updateClip(const QPaintEngineState &state) {
        closeClip();
        if (!state.isClipEnabled())
            return;
        QPainterPath path = state.clipPath();
        if (path.isEmpty())
            path.addRegion(state.clipRegion());
        if (state.clipOperation() == Qt::NoClip)
            return;
        const QByteArray id = "clip" + QByteArray::number(++m_clips);
        m_out += "<clipPath id=\"" + id + "\"><path d=\"" + pathData(m_transform.map(path)) +
                 "\"/></clipPath>\n<g clip-path=\"url(#" + id + ")\">\n";
        m_clipped = true;
    }
    QByteArray fill(Qt::FillRule rule) const {
        if (m_brush.style() == Qt::NoBrush)
            return " fill=\"none\"";
        return paint("fill", m_brush.color()) + (rule == Qt::OddEvenFill ? " fill-rule=\"evenodd\"" : "");
    }
    QByteArray stroke() const {
        if (m_pen.style() == Qt::NoPen)
            return {};
        const double width = m_pen.widthF() > 0 ? m_pen.widthF() : 1;
        QByteArray text = paint("stroke", m_pen.color()) + " stroke-width=\"" + number(width) +
                          "\" stroke-linejoin=\"round\"";
        if (m_pen.style() != Qt::SolidLine) {
            QByteArrayList dashes;
            for (const double length : m_pen.dashPattern())
                dashes << number(length * width);
            text += " stroke-dasharray=\"" + dashes.join(' ') + '"';
        }
        return text;
    }

    QByteArray m_out;
    QTransform m_transform;
    QPen m_pen;
    QBrush m_brush;
    int m_clips = 0;
    bool m_clipped = false;
};

SvgPaintDevice::SvgPaintDevice(QSizeF millimetres, QSizeF size)
    : m_millimetres(millimetres), m_size(size), m_engine(std::make_unique<Engine>()) {}

SvgPaintDevice::~SvgPaintDevice() = default;

QPaintEngine *SvgPaintDevice::paintEngine() const {
    return m_engine.get();
}

QByteArray SvgPaintDevice::svg() const {
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
           "xmlns:xlink=\"http://www.w3.org/1999/xlink\" version=\"1.1\" width=\"" +
           number(m_millimetres.width()) + "mm\" height=\"" + number(m_millimetres.height()) +
           "mm\" viewBox=\"0 0 " + number(m_size.width()) + ' ' + number(m_size.height()) + "\">\n" +
           m_engine->content() + "</svg>\n";
}

int SvgPaintDevice::metric(PaintDeviceMetric metric) const {
    constexpr int kDpi = 96;
    switch (metric) {
    case PdmWidth:
        return static_cast<int>(std::ceil(m_size.width()));
    case PdmHeight:
        return static_cast<int>(std::ceil(m_size.height()));
    case PdmWidthMM:
        return static_cast<int>(m_millimetres.width());
    case PdmHeightMM:
        return static_cast<int>(m_millimetres.height());
    case PdmDpiX:
    case PdmDpiY:
    case PdmPhysicalDpiX:
    case PdmPhysicalDpiY:
        return kDpi;
    case PdmNumColors:
        return 1 << 24;
    case PdmDepth:
        return 32;
    case PdmDevicePixelRatio:
        return 1;
    case PdmDevicePixelRatioScaled:
        return static_cast<int>(devicePixelRatioFScale());
    }
    return 0;
}

} // namespace qs::views
