#include "views/distribution/distribution_chart.h"

#include "views/shared/format_text.h"

#include <qcustomplot.h>

namespace qs::views {

namespace {

constexpr double kMinGridSpacing =
    4;                            ///< pixels between neighbouring code points, or the lines fill the picture
constexpr int kCodeGap = 10;      ///< pixels between written codes
constexpr double kLogFloor = 0.5; ///< where a logarithmic count axis starts

/// A histogram as the outline of its bars.
void setSteps(QCPGraph &graph, const BinnedValues &bins) {
    QVector<double> keys, counts;
    for (std::size_t bin = 0; bin < bins.counts.size(); ++bin) {
        keys.push_back(bins.lo + static_cast<double>(bin) * bins.width);
        counts.push_back(bins.counts[bin]);
    }
    keys.push_back(bins.hi());
    counts.push_back(0);
    graph.setData(keys, counts, true);
}

QCPItemRect *clipRect(QCustomPlot &plot) {
    auto *rect = new QCPItemRect(&plot);
    rect->setLayer("background");
    rect->topLeft->setTypeX(QCPItemPosition::ptPlotCoords);
    rect->topLeft->setTypeY(QCPItemPosition::ptAxisRectRatio);
    rect->bottomRight->setTypeX(QCPItemPosition::ptPlotCoords);
    rect->bottomRight->setTypeY(QCPItemPosition::ptAxisRectRatio);
    rect->setVisible(false);
    return rect;
}

/// Text beside the end of the grid, on its inner side, at the foot of the chart.
QCPItemText *clipLabel(QCustomPlot &plot, Qt::Alignment side) {
    auto *label = new QCPItemText(&plot);
    label->position->setTypeX(QCPItemPosition::ptPlotCoords);
    label->position->setTypeY(QCPItemPosition::ptAxisRectRatio);
    label->setPositionAlignment(side | Qt::AlignBottom);
    label->setPadding(QMargins(4, 1, 4, 1));
    label->setSelectable(false);
    label->setVisible(false);
    return label;
}

} // namespace

DistributionChart::DistributionChart(QWidget *parent)
    : PlotView(parent), m_codeTicker(new QCPAxisTickerText) {
    QCustomPlot &chart = plot();
    m_values = chart.addGraph();
    m_values->setLineStyle(QCPGraph::lsStepLeft);
    m_quantized = chart.addGraph();
    m_quantized->setLineStyle(QCPGraph::lsStepLeft);
    m_clippedLow = clipRect(chart);
    m_clippedHigh = clipRect(chart);
    m_clipLabelLow = clipLabel(chart, Qt::AlignLeft);
    m_clipLabelHigh = clipLabel(chart, Qt::AlignRight);
    placeLegendAbove(chart);
    chart.yAxis->setLabel(tr("values per bin"));
    chart.xAxis2->setTicker(m_codeTicker);
    chart.xAxis2->setTickLabels(true);
    chart.xAxis2->setSubTicks(false);
    chart.xAxis2->grid()->setVisible(true);
    chart.xAxis2->setLabel(tr("code"));
    chart.xAxis2->setLabelPadding(1);
    connect(chart.xAxis, qOverload<const QCPRange &>(&QCPAxis::rangeChanged), this,
            [this](const QCPRange &range) {
                plot().xAxis2->setRange(range);
                updateGrid();
                if (m_data)
                    placeClipLabels();
            });
    setZoomAxes(Qt::Horizontal);
    setLogCounts(true);
    setFitter([this] { fitAll(); });
    setReadOut([this](double x, double) { return readOut(x); });
    setStyler([this](const PlotTheme &theme) { applyColors(theme); });
    setFileName(QStringLiteral("distribution"));
    setAccessibleName(tr("Histogram"));
}

void DistributionChart::applyColors(const PlotTheme &theme) {
    const QColor values = theme.series(0), quantized = theme.series(1);
    QColor fill = values;
    fill.setAlpha(theme.isDark ? 120 : 90);
    m_values->setPen(QPen(values, 1));
    m_values->setBrush(fill);
    m_quantized->setPen(QPen(quantized, 1.6));
    QColor line = theme.text;
    line.setAlpha(theme.isDark ? 90 : 70);
    plot().xAxis2->grid()->setPen(QPen(line, 1, Qt::DotLine));
    QColor clipped = theme.text;
    clipped.setAlpha(70);
    for (QCPItemRect *rect : {m_clippedLow, m_clippedHigh}) {
        rect->setPen(QPen(theme.text, 1, Qt::DashLine));
        rect->setBrush(QBrush(clipped, Qt::BDiagPattern));
    }
    QColor plate = theme.background;
    plate.setAlpha(200);
    for (QCPItemText *label : {m_clipLabelLow, m_clipLabelHigh}) {
        label->setColor(theme.text);
        label->setBrush(plate);
        label->setFont(plot().font());
    }
}

void DistributionChart::setData(std::shared_ptr<const DistributionData> data) {
    const bool sameView =
        m_data && data && m_data->request.layer == data->request.layer &&
        m_data->request.source == data->request.source && m_data->request.channel == data->request.channel &&
        m_data->request.range == data->request.range && m_data->request.model == data->request.model;
    m_data = std::move(data);
    const bool isWeight = m_data->request.source == DistributionRequest::Source::Weight;
    plot().xAxis->setLabel(isWeight ? tr("weight value") : tr("activation value"));
    const bool stored = m_data->request.result && !m_data->request.result->hasOriginal;
    m_values->setName(isWeight ? (stored ? tr("weight as its codes say") : tr("float weight"))
                               : tr("float activation"));
    setSteps(*m_values, m_data->values);
    m_quantized->setVisible(m_data->quantized.has_value());
    m_quantized->removeFromLegend();
    if (m_data->quantized) {
        m_quantized->setName(QString::fromStdString("quantized: " + m_data->quantizedName));
        m_quantized->addToLegend();
        setSteps(*m_quantized, *m_data->quantized);
    } else {
        m_quantized->data()->clear();
    }
    updateClipMarks();
    if (sameView)
        fitCounts(); // what is zoomed in on stays
    else
        fitAll();
    updateGrid();
    replot();
}

void DistributionChart::setLogCounts(bool logarithmic) {
    m_logCounts = logarithmic;
    setLogarithmic(*plot().yAxis, logarithmic);
    if (m_data)
        fitAll();
    replot();
}

void DistributionChart::setGridWanted(bool wanted) {
    m_gridWanted = wanted;
    updateGrid();
    replot();
}

void DistributionChart::fitAll() {
    if (!m_data)
        return;
    const BinnedValues &bins = m_data->values;
    const double margin = 0.015 * (bins.hi() - bins.lo);
    plot().xAxis->setRange(bins.lo - margin, bins.hi() + margin);
    fitCounts();
}

void DistributionChart::fitCounts() {
    const BinnedValues &bins = m_data->values;
    double highest = *std::max_element(bins.counts.begin(), bins.counts.end());
    if (m_data->quantized)
        highest = std::max(
            highest, *std::max_element(m_data->quantized->counts.begin(), m_data->quantized->counts.end()));
    plot().yAxis->setRange(m_logCounts ? kLogFloor : 0,
                           m_logCounts ? std::max(highest, 10.0) * 1.5 : highest * 1.05);
}

void DistributionChart::updateGrid() {
    QCPAxis *axis = plot().xAxis2;
    m_codeTicker->clear();
    const GridPoints *grid = m_data ? &m_data->grid : nullptr;
    axis->setVisible(m_gridWanted && grid && !grid->values.empty());
    QString note;
    if (m_gridWanted && grid && grid->grids > 1)
        note = tr("%1 grids, one per slice of the weight: pick one channel to see grid lines.")
                   .arg(formatCount(grid->grids));
    if (axis->visible()) {
        const double step = std::abs(plot().xAxis->coordToPixel(grid->values[1]) -
                                     plot().xAxis->coordToPixel(grid->values[0]));
        if (step < kMinGridSpacing) {
            axis->setVisible(false);
            note = tr("%1 code points, not drawn: zoom in to see them.")
                       .arg(formatCount(static_cast<std::int64_t>(grid->values.size())));
        } else {
            const auto last = grid->firstCode + static_cast<std::int32_t>(grid->values.size()) - 1;
            const QFontMetrics metrics(axis->tickLabelFont());
            const int widest = std::max(metrics.horizontalAdvance(QString::number(grid->firstCode)),
                                        metrics.horizontalAdvance(QString::number(last)));
            const auto every = static_cast<std::int32_t>(std::ceil((widest + kCodeGap) / step));
            for (std::size_t i = 0; i < grid->values.size(); ++i) {
                const std::int32_t code = grid->firstCode + static_cast<std::int32_t>(i);
                m_codeTicker->addTick(grid->values[i], code % every == 0 ? QString::number(code) : QString());
            }
        }
    }
    emit gridNote(note);
}

void DistributionChart::updateClipMarks() {
    const BinnedValues &bins = m_data->values;
    const auto &reach = m_data->grid.reach;
    const double width = bins.hi() - bins.lo;
    m_clippedLow->setVisible(reach.has_value());
    m_clippedHigh->setVisible(reach.has_value());
    placeClipLabels();
    if (!reach)
        return;
    m_clippedLow->topLeft->setCoords(std::min(bins.lo, reach->lo) - 10 * width, -0.1);
    m_clippedLow->bottomRight->setCoords(reach->lo, 1.1);
    m_clippedHigh->topLeft->setCoords(reach->hi, -0.1);
    m_clippedHigh->bottomRight->setCoords(std::max(bins.hi(), reach->hi) + 10 * width, 1.1);
    m_clipLabelLow->setText(tr("clips below %1").arg(formatNumber(reach->lo)));
    m_clipLabelLow->position->setCoords(reach->lo, 0.99);
    m_clipLabelHigh->setText(tr("clips above %1").arg(formatNumber(reach->hi)));
    m_clipLabelHigh->position->setCoords(reach->hi, 0.99);
}

/// The name of a mark that is out of sight would be cut off.
void DistributionChart::placeClipLabels() {
    const auto &reach = m_data->grid.reach;
    const QCPRange range = plot().xAxis->range();
    m_clipLabelLow->setVisible(reach && range.contains(reach->lo));
    m_clipLabelHigh->setVisible(reach && range.contains(reach->hi));
}

QString DistributionChart::readOut(double x) const {
    if (!m_data)
        return {};
    const int bin = m_data->values.binOf(x);
    if (bin < 0)
        return {};
    const auto index = static_cast<std::size_t>(bin);
    const auto count = [](double value) { return formatCount(std::llround(value)); };
    const double left = m_data->values.lo + bin * m_data->values.width;
    QString text = tr("%1 … %2\nfloat: %3")
                       .arg(formatNumber(left), formatNumber(left + m_data->values.width),
                            count(m_data->values.counts[index]));
    if (m_data->quantized)
        text += tr("\nquantized: %1").arg(count(m_data->quantized->counts[index]));
    const std::vector<double> &points = m_data->grid.values;
    if (!points.empty()) {
        const auto nearest = std::min_element(points.begin(), points.end(), [&](double a, double b) {
            return std::abs(a - x) < std::abs(b - x);
        });
        text += tr("\nnearest code %1 = %2")
                    .arg(m_data->grid.firstCode + static_cast<int>(nearest - points.begin()))
                    .arg(formatNumber(*nearest));
        if (x < points.front() || x > points.back())
            text += tr(" (clipped here)");
    }
    return text;
}

} // namespace qs::views
