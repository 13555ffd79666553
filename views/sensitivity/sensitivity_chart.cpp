#include "views/sensitivity/sensitivity_chart.h"

#include "views/sensitivity/sensitivity_model.h"
#include "views/shared/format_text.h"

#include <numeric>
#include <qcustomplot.h>

namespace qs::views {

namespace {

constexpr double kLabelSpacing = 15; ///< pixels between written layer names
constexpr int kLabelChars = 26;
constexpr double kLogFloor = 1e-9; ///< where "no difference" lies on a logarithmic axis

constexpr QCPScatterStyle::ScatterShape kShapes[] = {QCPScatterStyle::ssDisc,     QCPScatterStyle::ssSquare,
                                                     QCPScatterStyle::ssTriangle, QCPScatterStyle::ssDiamond,
                                                     QCPScatterStyle::ssCross,    QCPScatterStyle::ssStar};

} // namespace

SensitivityChart::SensitivityChart(const SensitivityModel &model, QWidget *parent)
    : PlotView(parent), m_model(model), m_ticker(new QCPAxisTickerText), m_band(new QCPItemRect(&plot())),
      m_baseline(new QCPItemStraightLine(&plot())) {
    QCustomPlot &chart = plot();
    chart.xAxis->setTicker(m_ticker);
    chart.xAxis->setTickLabelRotation(55);
    chart.xAxis->setSubTicks(false);
    chart.xAxis->grid()->setVisible(false);
    placeLegendAbove(chart);
    m_band->setLayer("background");
    m_band->topLeft->setTypeY(QCPItemPosition::ptAxisRectRatio);
    m_band->bottomRight->setTypeY(QCPItemPosition::ptAxisRectRatio);
    m_band->setSelectable(false);
    m_baseline->setSelectable(false);
    connect(chart.xAxis, qOverload<const QCPRange &>(&QCPAxis::rangeChanged), this,
            [this] { updateLabels(); });
    connect(this, &PlotView::clicked, this, [this](double x, double) {
        const auto place = std::llround(x);
        if (place >= 0 && place < static_cast<std::int64_t>(m_rows.size()))
            emit layerClicked(m_model.layerAt(m_rows[static_cast<std::size_t>(place)]));
    });
    setZoomAxes(Qt::Horizontal);
    setFitter([this] { fitAll(); });
    setSizer([this](QSize size) {
        m_size = size;
        updateLabels();
    });
    setReadOut([this](double x, double) { return readOut(x); });
    setStyler([this](const PlotTheme &theme) { applyColors(theme); });
    setFileName(QStringLiteral("sensitivity"));
    setAccessibleName(tr("Sensitivity of layers"));
}

void SensitivityChart::sortRows() {
    m_rows.resize(static_cast<std::size_t>(m_model.rowCount()));
    std::iota(m_rows.begin(), m_rows.end(), 0);
    // By the lowest bit-width; what is not measured yet goes last.
    const auto worst = [&](int row) {
        for (int column = 0; column < m_model.bitsColumns(); ++column)
            if (const auto value = m_model.value(row, column)) {
                if (std::isnan(*value))
                    return std::numeric_limits<double>::max();
                return m_model.metric().higherIsBetter ? -*value : *value;
            }
        return std::numeric_limits<double>::lowest();
    };
    std::stable_sort(m_rows.begin(), m_rows.end(), [&](int a, int b) { return worst(a) > worst(b); });
}

void SensitivityChart::fillGraphs() {
    QCustomPlot &chart = plot();
    chart.clearGraphs();
    m_graphs.clear();
    const bool logarithmic = m_model.metric().logarithmic;
    for (int column = 0; column < m_model.bitsColumns(); ++column) {
        QCPGraph *graph = chart.addGraph();
        graph->setName(tr("%1 bit").arg(m_model.table()->bits[static_cast<std::size_t>(column)]));
        for (std::size_t place = 0; place < m_rows.size(); ++place) {
            const auto value = m_model.value(m_rows[place], column);
            if (value && std::isfinite(*value))
                graph->addData(static_cast<double>(place),
                               logarithmic ? std::max(*value, kLogFloor) : *value);
        }
        m_graphs.push_back(graph);
    }
}

void SensitivityChart::refresh() {
    const std::size_t before = m_rows.size();
    sortRows();
    fillGraphs();
    const SensitivityMetric &metric = m_model.metric();
    QCPAxis *axis = plot().yAxis;
    axis->setLabel(metric.unit.isEmpty() ? metric.name : metric.name + " [" + metric.unit + ']');
    setLogarithmic(*axis, metric.logarithmic);
    const auto baseline =
        metric.baseline && m_model.table() ? metric.baseline(m_model.table()->baseline) : std::nullopt;
    m_baseline->setVisible(baseline.has_value());
    if (baseline) {
        m_baseline->point1->setCoords(0, *baseline);
        m_baseline->point2->setCoords(1, *baseline);
    }
    applyColors(PlotTheme::ofApplication());
    const QCPRange shown = plot().xAxis->range();
    fitAll();
    if (before == m_rows.size() && before > 0)
        plot().xAxis->setRange(shown); // more data of the same table: do not throw the user's view away
    updateLabels();
    updateBand();
    replot();
}

void SensitivityChart::applyColors(const PlotTheme &theme) {
    const auto count = static_cast<int>(m_graphs.size());
    for (int i = 0; i < count; ++i) {
        const QColor color = theme.ordered(i, count);
        QCPGraph &graph = *m_graphs[static_cast<std::size_t>(i)];
        graph.setPen(QPen(color, 1.6));
        graph.setScatterStyle(QCPScatterStyle(kShapes[static_cast<std::size_t>(i) % std::size(kShapes)],
                                              QPen(color, 1.4), QBrush(color), 6));
    }
    QColor band = theme.accent;
    band.setAlpha(60);
    m_band->setBrush(band);
    m_band->setPen(QPen(theme.accent, 1));
    m_baseline->setPen(QPen(theme.weakText, 1, Qt::DashLine));
}

void SensitivityChart::fitAll() {
    QCustomPlot &chart = plot();
    chart.xAxis->setRange(-0.7, std::max(0.7, static_cast<double>(m_rows.size()) - 0.3));
    bool found = false;
    QCPRange range;
    for (const QCPGraph *graph : m_graphs) {
        bool has = false;
        const QCPRange own = graph->getValueRange(has);
        if (has)
            range = found ? range.expanded(own) : own;
        found |= has;
    }
    if (!found)
        range = chart.yAxis->scaleType() == QCPAxis::stLogarithmic ? QCPRange(1e-3, 1) : QCPRange(0, 1);
    if (m_baseline->visible())
        range.expand(m_baseline->point1->coords().y());
    if (chart.yAxis->scaleType() == QCPAxis::stLogarithmic) {
        const double margin = std::pow(std::max(range.upper / range.lower, 2.0), 0.06);
        chart.yAxis->setRange(range.lower / margin, range.upper * margin);
    } else {
        const double size = range.size() > 0 ? range.size() : std::max(1.0, std::abs(range.upper));
        chart.yAxis->setRange(range.lower - 0.06 * size, range.upper + 0.06 * size);
    }
}

void SensitivityChart::updateLabels() {
    m_ticker->clear();
    const double spacing = 0.9 * m_size.width() / plot().xAxis->range().size();
    constexpr double kShareOfHeight = 0.35, kHeightPerChar = 6;
    const int chars =
        std::clamp(static_cast<int>(kShareOfHeight * m_size.height() / kHeightPerChar), 6, kLabelChars);
    const auto step =
        static_cast<std::size_t>(std::max(1.0, std::ceil(kLabelSpacing / std::max(spacing, 0.1))));
    for (std::size_t place = 0; place < m_rows.size(); place += step)
        m_ticker->addTick(static_cast<double>(place), elideMiddle(m_model.layerName(m_rows[place]), chars));
    plot().xAxis->setLabel(step > 1 ? tr("layers, worst first (every %1th named)").arg(step)
                                    : tr("layers, worst first"));
}

void SensitivityChart::setSelectedLayer(LayerId layer) {
    m_selected = layer;
    updateBand();
    replot();
}

void SensitivityChart::updateBand() {
    const int row = m_model.rowOfLayer(m_selected);
    const auto found = std::find(m_rows.begin(), m_rows.end(), row);
    m_band->setVisible(row >= 0 && found != m_rows.end());
    if (!m_band->visible())
        return;
    const auto place = static_cast<double>(found - m_rows.begin());
    m_band->topLeft->setCoords(place - 0.45, -0.1);
    m_band->bottomRight->setCoords(place + 0.45, 1.1);
}

QString SensitivityChart::readOut(double x) const {
    const auto place = std::llround(x);
    if (place < 0 || place >= static_cast<std::int64_t>(m_rows.size()))
        return {};
    const int row = m_rows[static_cast<std::size_t>(place)];
    QString text = m_model.layerName(row);
    for (int column = 0; column < m_model.bitsColumns(); ++column)
        text += tr("\n%1 bit: %2")
                    .arg(m_model.table()->bits[static_cast<std::size_t>(column)])
                    .arg(formatWithUnit(m_model.value(row, column), m_model.metric().unit));
    return text;
}

} // namespace qs::views
