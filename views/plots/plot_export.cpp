#include "views/plots/plot_export.h"

#include "views/plots/plot_style.h"
#include "views/plots/svg_paint_device.h"

#include <QBuffer>
#include <QPdfWriter>
#include <qcustomplot.h>

namespace qs::views {

namespace {

using Format = FigureRequest::Format;
using Background = FigureRequest::Background;

constexpr double kMillimetresPerInch = 25.4, kPointsPerInch = 72;
constexpr int kVectorDpi = 1270;       ///< units of SVG and PDF per inch: 50 a millimetre
constexpr double kCaptionShare = 0.87; ///< of the size of labels
constexpr double kCaptionGap = 4;

/// Layout pixels per inch: fonts keep their pixels, so the layout is made for as many as give their size.
double layoutDpi(const FigureRequest &request, const QFont &font) {
    return font.pixelSize() * kPointsPerInch / request.points;
}

QFont captionFont(QFont font) {
    font.setPixelSize(std::max(1, static_cast<int>(std::lround(kCaptionShare * font.pixelSize()))));
    return font;
}

QSizeF layoutSize(const FigureRequest &request, const QFont &font) {
    return request.millimetres * layoutDpi(request, font) / kMillimetresPerInch;
}

double captionHeight(const FigureRequest &request, const QFont &font, double width) {
    if (request.caption.isEmpty())
        return 0;
    const QFontMetricsF metrics(captionFont(font));
    return metrics.boundingRect(QRectF(0, 0, width - 2 * kCaptionGap, 1e6), Qt::TextWordWrap, request.caption)
               .height() +
           2 * kCaptionGap;
}

/// \param dotsPerInch  of the device
void paint(QCustomPlot &plot, const PlotTheme &theme, const FigureRequest &request, QPaintDevice &device,
           double dotsPerInch) {
    const QFont font = plot.font();
    const QSizeF sheet = layoutSize(request, font);
    const QSize chart = chartSizeOnPaper(request, font);
    QCPPainter painter;
    painter.begin(&device);
    painter.setMode(QCPPainter::pmVectorized);
    painter.setMode(QCPPainter::pmNoCaching);
    painter.setMode(QCPPainter::pmNonCosmetic);
    const double dots = dotsPerInch / layoutDpi(request, font);
    painter.scale(dots, dots);
    if (request.background != Background::Transparent)
        painter.fillRect(QRectF({}, sheet), theme.background);
    plot.toPainter(&painter, chart.width(), chart.height());
    if (!request.caption.isEmpty()) {
        painter.setFont(captionFont(font));
        painter.setPen(theme.weakText);
        painter.drawText(QRectF(kCaptionGap, chart.height() + kCaptionGap, sheet.width() - 2 * kCaptionGap,
                                sheet.height() - chart.height()),
                         Qt::TextWordWrap, request.caption);
    }
    painter.end();
}

QByteArray svgOf(QCustomPlot &plot, const PlotTheme &theme, const FigureRequest &request) {
    SvgPaintDevice svg(request.millimetres, request.millimetres * kVectorDpi / kMillimetresPerInch);
    paint(plot, theme, request, svg, kVectorDpi);
    return svg.svg();
}

QByteArray pdfOf(QCustomPlot &plot, const PlotTheme &theme, const FigureRequest &request) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    QPdfWriter pdf(&buffer);
    pdf.setResolution(kVectorDpi);
    pdf.setCreator(QStringLiteral("Quantoscope"));
    pdf.setPageSize(QPageSize(request.millimetres, QPageSize::Millimeter, {}, QPageSize::ExactMatch));
    pdf.setPageMargins(QMarginsF());
    paint(plot, theme, request, pdf, kVectorDpi);
    return bytes;
}

int dotsPerMetre(const FigureRequest &request) {
    return static_cast<int>(std::lround(request.dpi * 1000 / kMillimetresPerInch));
}

QImage imageOf(QCustomPlot &plot, const PlotTheme &theme, const FigureRequest &request) {
    const QSizeF dots = request.millimetres * request.dpi / kMillimetresPerInch;
    QImage image(static_cast<int>(std::lround(dots.width())), static_cast<int>(std::lround(dots.height())),
                 QImage::Format_ARGB32_Premultiplied);
    if (image.isNull())
        return image;
    image.fill(request.background == Background::Transparent ? QColor(Qt::transparent) : theme.background);
    paint(plot, theme, request, image, request.dpi);
    image.setDotsPerMeterX(dotsPerMetre(request));
    image.setDotsPerMeterY(dotsPerMetre(request));
    return image;
}

Result<std::string> pngOf(const QImage &image) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    if (!image.save(&buffer, "PNG"))
        return fail(ErrorCode::OutOfMemory, "a picture of this size cannot be made: lower the resolution");
    return bytes.toStdString();
}

QByteArray csvOf(QCustomPlot &plot, const QString &caption) {
    QByteArray bytes;
    for (const QString &line : caption.split('\n', Qt::SkipEmptyParts))
        bytes += "# " + line.toUtf8() + '\n';
    bytes += "series,x,y\n";
    const auto number = [](double value) {
        return QByteArray::number(value, 'g', QLocale::FloatingPointShortest);
    };
    for (int i = 0; i < plot.plottableCount(); ++i) {
        QCPAbstractPlottable *plottable = plot.plottable(i);
        const QCPPlottableInterface1D *data = plottable->interface1D();
        if (!data || !plottable->visible())
            continue;
        const QByteArray name = '"' + plottable->name().replace('"', "\"\"").toUtf8() + "\",";
        for (int k = 0; k < data->dataCount(); ++k)
            bytes += name + number(data->dataMainKey(k)) + ',' + number(data->dataMainValue(k)) + '\n';
    }
    return bytes;
}

FigureWork ready(const QByteArray &bytes) {
    return [text = bytes.toStdString()](const RunContext &) -> Result<std::string> { return text; };
}

} // namespace

QSize chartSizeOnPaper(const FigureRequest &request, const QFont &font) {
    const QSizeF sheet = layoutSize(request, font);
    const double height = sheet.height() - captionHeight(request, font, sheet.width());
    return {std::max(16, static_cast<int>(std::lround(sheet.width()))),
            std::max(16, static_cast<int>(std::lround(height)))};
}

FigureWork prepareChart(QCustomPlot &plot, const PlotTheme &theme, const FigureRequest &request) {
    switch (request.format) {
    case Format::Svg:
        return ready(svgOf(plot, theme, request));
    case Format::Pdf:
        return ready(pdfOf(plot, theme, request));
    case Format::Csv:
        return ready(csvOf(plot, request.caption));
    case Format::Png:
        break;
    }
    return [image = imageOf(plot, theme, request)](const RunContext &) { return pngOf(image); };
}

} // namespace qs::views
