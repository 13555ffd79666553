#include "views/method_bench/run_scatter.h"

#include "views/shared/format_text.h"

#include <qcustomplot.h>

namespace qs::views {
namespace {

constexpr double kReachPixels = 16;

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

RunScatter::RunScatter(QWidget *parent) : PlotView(parent) {
    QCustomPlot &chart = plot();
    m_front = chart.addGraph();
    m_front->setName(tr("front"));
    m_others = addPoints(chart, QCPScatterStyle::ssCircle, 8, tr("beaten by another run"));
    m_best = addPoints(chart, QCPScatterStyle::ssDiamond, 10, tr("best at its bits"));
    m_shownRing = addPoints(chart, QCPScatterStyle::ssCircle, 18, tr("shown in the other views"));
    placeLegendAbove(chart);
    chart.xAxis->setLabel(tr("effective bits per weight"));
    setFitter([this] { fitAll(); });
    setReadOut([this](double x, double y) {
        const Point *point = nearest(x, y);
        return point ? tr("%1: %2 bits, %3")
                           .arg(point->title, QString::number(point->bits, 'f', 2),
                                formatWithUnit(point->value, m_unit))
                     : QString();
    });
    setStyler([this](const PlotTheme &theme) {
        m_front->setPen(QPen(theme.weakText, 1, Qt::DashLine));
        paint(*m_others, theme.series(0), false);
        paint(*m_best, theme.series(1), true);
        paint(*m_shownRing, theme.accent, false);
        for (int i = 0; i < plot().itemCount(); ++i)
            if (auto *label = qobject_cast<QCPItemText *>(plot().item(i));
                label && label->layer()->name() == "main")
                label->setColor(theme.text);
    });
    connect(this, &PlotView::clicked, this, [this](double x, double y) {
        if (const Point *point = nearest(x, y))
            emit runClicked(point->number);
    });
    setFileName(QStringLiteral("bits-against-metric"));
    setAccessibleName(tr("Effective bits against a metric, a point a run"));
}

void RunScatter::clear() {
    m_points.clear();
    drawPoints();
}

void RunScatter::setRuns(const std::vector<RunEntry> &runs, const Run *shown, const ComparisonColumn &bits,
                         const ComparisonColumn &figure) {
    m_points.clear();
    for (std::size_t i = 0; i < runs.size(); ++i)
        if (bits.values[i] && figure.values[i] && std::isfinite(*figure.values[i]))
            m_points.push_back({runs[i].number, QString::fromStdString(runs[i].title()), *bits.values[i],
                                *figure.values[i], false, runs[i].run.get() == shown});
    m_unit = QString::fromStdString(figure.unit);
    const QString name = QString::fromStdString(figure.name);
    plot().yAxis->setLabel(m_unit.isEmpty() ? name : name + " [" + m_unit + ']');
    findFront(figure.higherIsBetter);
    drawPoints();
    fitAll();
}

void RunScatter::findFront(bool higherIsBetter) {
    for (Point &point : m_points)
        point.onFront = std::none_of(m_points.begin(), m_points.end(), [&](const Point &other) {
            const double gain = higherIsBetter ? other.value - point.value : point.value - other.value;
            return other.bits <= point.bits && gain >= 0 && (other.bits < point.bits || gain > 0);
        });
}

void RunScatter::drawPoints() {
    for (QCPGraph *graph : {m_front, m_others, m_best, m_shownRing})
        graph->data()->clear();
    // The cross-hair and its text live on other layers and stay.
    for (int i = plot().itemCount() - 1; i >= 0; --i)
        if (plot().item(i)->layer()->name() == "main")
            plot().removeItem(i);
    for (const Point &point : m_points) {
        (point.onFront ? m_best : m_others)->addData(point.bits, point.value);
        if (point.onFront)
            m_front->addData(point.bits, point.value);
        if (point.shown)
            m_shownRing->addData(point.bits, point.value);
        auto *label = new QCPItemText(&plot());
        label->setLayer("main");
        label->position->setCoords(point.bits, point.value);
        label->setPositionAlignment(Qt::AlignLeft | Qt::AlignBottom);
        label->setPadding({8, 0, 0, 4});
        label->setText(point.title);
        label->setColor(PlotTheme::ofApplication().text);
        label->setFont(plot().font());
        label->setSelectable(false);
    }
    replot();
}

void RunScatter::fitAll() {
    if (m_points.empty())
        return;
    const auto [lowBits, highBits] = std::minmax_element(
        m_points.begin(), m_points.end(), [](const Point &a, const Point &b) { return a.bits < b.bits; });
    const auto [low, high] = std::minmax_element(
        m_points.begin(), m_points.end(), [](const Point &a, const Point &b) { return a.value < b.value; });
    const double width = std::max(highBits->bits - lowBits->bits, 0.5);
    const double height = std::max(high->value - low->value, std::max(1e-9, 0.02 * std::abs(high->value)));
    // Labels stand to the right of their points.
    plot().xAxis->setRange(lowBits->bits - 0.08 * width, highBits->bits + 0.3 * width);
    plot().yAxis->setRange(low->value - 0.1 * height, high->value + 0.15 * height);
    replot();
}

const RunScatter::Point *RunScatter::nearest(double x, double y) const {
    QCustomPlot &chart = const_cast<RunScatter *>(this)->plot();
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
