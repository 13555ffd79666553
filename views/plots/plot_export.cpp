#include "views/plots/plot_export.h"

#include <QBuffer>
#include <QFileInfo>
#include <QPdfWriter>
#include <QSaveFile>
#include <QSvgGenerator>
#include <qcustomplot.h>

namespace qs::views {

namespace {

constexpr int kPixelsPerInch = 96;
constexpr double kPngScale = 2;

void paint(QCustomPlot &plot, QPaintDevice &device) {
    QCPPainter painter;
    painter.begin(&device);
    painter.setMode(QCPPainter::pmVectorized);
    painter.setMode(QCPPainter::pmNoCaching);
    plot.toPainter(&painter, plot.width(), plot.height());
    painter.end();
}

QByteArray svgOf(QCustomPlot &plot) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    QSvgGenerator svg;
    svg.setOutputDevice(&buffer);
    svg.setSize(plot.size());
    svg.setViewBox(QRect(QPoint(0, 0), plot.size()));
    svg.setResolution(kPixelsPerInch);
    svg.setTitle(QStringLiteral("Quantoscope figure"));
    paint(plot, svg);
    return bytes;
}

QByteArray pdfOf(QCustomPlot &plot) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    QPdfWriter pdf(&buffer);
    pdf.setResolution(kPixelsPerInch);
    pdf.setCreator(QStringLiteral("Quantoscope"));
    const QSizeF inches(static_cast<double>(plot.width()) / kPixelsPerInch,
                        static_cast<double>(plot.height()) / kPixelsPerInch);
    pdf.setPageSize(QPageSize(inches, QPageSize::Inch, {}, QPageSize::ExactMatch));
    pdf.setPageMargins(QMarginsF());
    paint(plot, pdf);
    return bytes;
}

QByteArray pngOf(QCustomPlot &plot) {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    plot.toPixmap(plot.width(), plot.height(), kPngScale).save(&buffer, "PNG");
    return bytes;
}

QByteArray csvOf(QCustomPlot &plot) {
    QByteArray bytes = "series,x,y\n";
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

} // namespace

Status exportPlot(QCustomPlot &plot, const QString &file) {
    const QString suffix = QFileInfo(file).suffix().toLower();
    QByteArray bytes;
    if (suffix == "svg")
        bytes = svgOf(plot);
    else if (suffix == "pdf")
        bytes = pdfOf(plot);
    else if (suffix == "png")
        bytes = pngOf(plot);
    else if (suffix == "csv")
        bytes = csvOf(plot);
    else
        return fail(
            ErrorCode::Unsupported,
            "figures are written as .svg, .pdf or .png, data as .csv; give the file one of these names",
            file.toStdString());
    QSaveFile out(file);
    if (!out.open(QIODevice::WriteOnly) || out.write(bytes) != bytes.size() || !out.commit())
        return fail(ErrorCode::IoError, "cannot write: " + out.errorString().toStdString(),
                    file.toStdString());
    return {};
}

} // namespace qs::views
