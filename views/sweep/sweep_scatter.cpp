#include "views/sweep/sweep_scatter.h"

#include "core/session/sweep/sweep_table.h"
#include "views/shared/format_text.h"

#include <map>
#include <qcustomplot.h>

namespace qs::views {
namespace {

constexpr double kReachPixels = 16;
constexpr std::size_t kMostSeries = 8; ///< colours and shapes that stay distinct; the rest is one series

/// Shapes differ as well as colours.
QCPScatterStyle::ScatterShape shapeOf(std::size_t series) {
    using Style = QCPScatterStyle;
    static constexpr Style::ScatterShape kShapes[] = {
        Style::ssCircle,           Style::ssSquare,      Style::ssDiamond,    Style::ssTriangle,
        Style::ssTriangleInverted, Style::ssCrossSquare, Style::ssPlusCircle, Style::ssCrossCircle};
    return series < kMostSeries ? kShapes[series] : Style::ssDisc;
}

QCPGraph *addPoints(QCustomPlot &plot, QCPScatterStyle::ScatterShape shape, double size,
                    const QString &name) {
    QCPGraph *graph = plot.addGraph();
    graph->setLineStyle(QCPGraph::lsNone);
    graph->setScatterStyle(QCPScatterStyle(shape, size));
    graph->setName(name);
    return graph;
}

void paint(QCPGraph &graph, const QColor &color, bool filled) {
    QCPScatterStyle style = graph.scatterStyle();
    style.setPen(QPen(color, 1.6));
    style.setBrush(filled ? QBrush(color) : QBrush(Qt::NoBrush));
    graph.setScatterStyle(style);
}

} // namespace

SweepScatter::SweepScatter(QWidget *parent) : PlotView(parent) {
    QCustomPlot &chart = plot();
    m_front = chart.addGraph();
    m_front->setName(tr("Pareto front"));
    m_ring = addPoints(chart, QCPScatterStyle::ssCircle, 18, tr("selected"));
    placeLegendAbove(chart);
    chart.xAxis->setLabel(tr("effective bits per weight"));
    setFitter([this] { fitAll(); });
    setReadOut([this](double x, double y) {
        const Point *point = nearest(x, y);
        return point ? tr("%1: %2 bits, %3%4%5")
                           .arg(point->title, QString::number(point->bits, 'f', 2),
                                formatWithUnit(point->value, m_unit),
                                point->onFront ? tr(", on the front") : QString(),
                                point->partial ? tr(", some layers in float") : QString())
                     : QString();
    });
    setStyler([this](const PlotTheme &theme) { applyColors(theme); });
    connect(this, &PlotView::clicked, this, [this](double x, double y) {
        if (const Point *point = nearest(x, y))
            emit recordClicked(point->record);
    });
    setFileName(QStringLiteral("sweep-bits-against-metric"));
    setAccessibleName(tr("Results of a sweep: effective bits against a metric, a series a method"));
}

void SweepScatter::show(const SweepScatterRequest &request) {
    m_points.clear();
    const RunFigure *figure = findRunFigure(request.figure);
    if (request.results && figure) {
        collect(request, *figure);
        m_unit = QString::fromStdString(figure->unit);
        const QString name = QString::fromStdString(figure->name);
        plot().yAxis->setLabel(m_unit.isEmpty() ? name : name + " [" + m_unit + ']');
    }
    orderSeries();
    drawSeries();
    drawFront();
    applyColors(PlotTheme::ofApplication());
    fitAll();
    setCurrent(m_current);
}

void SweepScatter::collect(const SweepScatterRequest &request, const RunFigure &figure) {
    const std::vector<SweepRecord> &records = request.results->records;
    const std::vector<bool> front = paretoRecords(*request.results, figure.id);
    for (std::size_t i = 0; i < records.size(); ++i) {
        const SweepRecord &record = records[i];
        const auto bits = record.value("effective_bits"), value = record.value(figure.id);
        if (record.job.model != request.model ||
            activationBits(record.job.recipe) != request.activationBits || !record.isMeasured() || !bits ||
            !value || !std::isfinite(*value))
            continue;
        const QString method = QString::fromStdString(record.job.method);
        const QString title = tr("%1, %2 bit, %3")
                                  .arg(method)
                                  .arg(weightBits(record.job.recipe))
                                  .arg(QString::fromStdString(sliceText(slices(record.job.recipe))));
        m_points.push_back({static_cast<int>(i), method, title, *bits, *value, front[i],
                            record.state == SweepRecord::State::Partial, 0});
    }
}

/// Methods on the front get the colours that are easiest to tell apart.
void SweepScatter::orderSeries() {
    std::map<QString, int> frontPoints;
    for (const Point &point : m_points)
        frontPoints[point.method] += point.onFront ? 1 : 0;
    m_series.clear();
    for (const auto &[method, count] : frontPoints)
        m_series.push_back(method);
    std::stable_sort(m_series.begin(), m_series.end(),
                     [&](const QString &a, const QString &b) { return frontPoints[a] > frontPoints[b]; });
    for (Point &point : m_points) {
        const auto found = std::find(m_series.begin(), m_series.end(), point.method);
        point.series = std::min(static_cast<std::size_t>(found - m_series.begin()), kMostSeries);
    }
}

void SweepScatter::drawSeries() {
    for (auto *graphs : {&m_hollow, &m_filled}) {
        for (QCPGraph *graph : *graphs)
            plot().removeGraph(graph);
        graphs->clear();
    }
    const std::size_t count = std::min(m_series.size(), kMostSeries + 1);
    for (std::size_t i = 0; i < count; ++i) {
        const bool rest = i == kMostSeries;
        const QString name = rest ? tr("%1 more methods").arg(m_series.size() - kMostSeries) : m_series[i];
        m_hollow.push_back(addPoints(plot(), shapeOf(i), rest ? 5 : 9, name));
        m_filled.push_back(addPoints(plot(), shapeOf(i), rest ? 7 : 11, name));
        m_filled.back()->removeFromLegend();
    }
    for (const Point &point : m_points)
        (point.onFront ? m_filled : m_hollow)[point.series]->addData(point.bits, point.value);
}

std::vector<int> SweepScatter::front() const {
    std::vector<Point> points;
    std::copy_if(m_points.begin(), m_points.end(), std::back_inserter(points),
                 [](const Point &point) { return point.onFront; });
    std::stable_sort(points.begin(), points.end(),
                     [](const Point &a, const Point &b) { return a.bits < b.bits; });
    std::vector<int> records;
    for (const Point &point : points)
        records.push_back(point.record);
    return records;
}

void SweepScatter::drawFront() {
    m_front->data()->clear();
    for (const Point &point : m_points)
        if (point.onFront)
            m_front->addData(point.bits, point.value); // sorted by the plot
}

void SweepScatter::applyColors(const PlotTheme &theme) {
    m_front->setPen(QPen(theme.weakText, 1, Qt::DashLine));
    paint(*m_ring, theme.accent, false);
    for (std::size_t i = 0; i < m_hollow.size(); ++i) {
        const QColor color = i < kMostSeries ? theme.series(static_cast<int>(i)) : theme.weakText;
        paint(*m_hollow[i], color, false);
        paint(*m_filled[i], color, true);
    }
}

void SweepScatter::setCurrent(int record) {
    m_current = record;
    m_ring->data()->clear();
    for (const Point &point : m_points)
        if (point.record == record)
            m_ring->addData(point.bits, point.value);
    replot();
}

void SweepScatter::fitAll() {
    if (m_points.empty())
        return replot();
    const auto [left, right] = std::minmax_element(
        m_points.begin(), m_points.end(), [](const Point &a, const Point &b) { return a.bits < b.bits; });
    const auto [low, high] = std::minmax_element(
        m_points.begin(), m_points.end(), [](const Point &a, const Point &b) { return a.value < b.value; });
    constexpr double kDecade = 10, kMargin = 0.08;
    const double width = std::max(right->bits - left->bits, 0.5);
    plot().xAxis->setRange(left->bits - kMargin * width, right->bits + kMargin * width);
    // Two bits can cost orders of magnitude: the others must not fall on one line.
    const bool logarithmic =
        m_unit != QStringLiteral("%") && low->value > 0 && high->value > kDecade * low->value;
    setLogarithmic(*plot().yAxis, logarithmic);
    if (logarithmic) {
        const double factor = std::pow(high->value / low->value, kMargin);
        plot().yAxis->setRange(low->value / factor, high->value * factor);
    } else {
        const double height =
            std::max(high->value - low->value, std::max(1e-9, 0.02 * std::abs(high->value)));
        plot().yAxis->setRange(low->value - kMargin * height, high->value + kMargin * height);
    }
    replot();
}

const SweepScatter::Point *SweepScatter::nearest(double x, double y) const {
    QCustomPlot &chart = const_cast<SweepScatter *>(this)->plot();
    const QPointF pointer(chart.xAxis->coordToPixel(x), chart.yAxis->coordToPixel(y));
    const Point *found = nullptr;
    double least = kReachPixels;
    for (const Point &point : m_points) {
        const QPointF place(chart.xAxis->coordToPixel(point.bits), chart.yAxis->coordToPixel(point.value));
        const double distance = std::hypot(place.x() - pointer.x(), place.y() - pointer.y());
        if (distance < least) {
            least = distance;
            found = &point;
        }
    }
    return found;
}

} // namespace qs::views
