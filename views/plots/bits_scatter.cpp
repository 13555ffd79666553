#include "views/plots/bits_scatter.h"

#include "views/shared/format_text.h"

#include <qcustomplot.h>

namespace qs::views {
namespace {

constexpr double kReachPixels = 16, kMargin = 0.08, kDecade = 10;

} // namespace

BitsScatter::BitsScatter(QWidget *parent) : PlotView(parent) {
    QCustomPlot &chart = plot();
    m_front = chart.addGraph();
    m_front->setName(tr("Pareto front"));
    m_ring = addPoints(chart, QCPScatterStyle::ssCircle, 18, tr("shown in the other views"));
    chart.xAxis->setLabel(tr("effective bits per weight"));
    setFitter([this] { fitAll(); });
    setReadOut([this](double x, double y) { return readOut(x, y); });
    connect(this, &PlotView::clicked, this, [this](double x, double y) {
        if (const BitsPoint *point = nearest(x, y))
            emit pointClicked(point->id);
    });
}

QCPGraph *BitsScatter::addPoints(QCustomPlot &plot, int shape, double size, const QString &name) {
    QCPGraph *graph = plot.addGraph();
    graph->setLineStyle(QCPGraph::lsNone);
    graph->setScatterStyle(QCPScatterStyle(static_cast<QCPScatterStyle::ScatterShape>(shape), size));
    graph->setName(name);
    return graph;
}

void BitsScatter::paint(QCPGraph &graph, const QColor &color, bool filled) {
    QCPScatterStyle style = graph.scatterStyle();
    style.setPen(QPen(color, 1.6));
    style.setBrush(filled ? QBrush(color) : QBrush(Qt::NoBrush));
    graph.setScatterStyle(style);
}

void BitsScatter::setFigure(const std::string &name, const std::string &unit) {
    m_unit = QString::fromStdString(unit);
    const QString text = QString::fromStdString(name);
    plot().yAxis->setLabel(m_unit.isEmpty() ? text : text + " [" + m_unit + ']');
}

void BitsScatter::setPoints(std::vector<BitsPoint> points) {
    m_points = std::move(points);
    m_front->data()->clear();
    for (const BitsPoint &point : m_points)
        if (point.onFront)
            m_front->addData(point.bits, point.value); // sorted by the plot
    setCurrent(m_current);
}

std::vector<int> BitsScatter::front() const {
    std::vector<BitsPoint> points;
    std::copy_if(m_points.begin(), m_points.end(), std::back_inserter(points),
                 [](const BitsPoint &point) { return point.onFront; });
    std::stable_sort(points.begin(), points.end(),
                     [](const BitsPoint &a, const BitsPoint &b) { return a.bits < b.bits; });
    std::vector<int> ids;
    for (const BitsPoint &point : points)
        ids.push_back(point.id);
    return ids;
}

void BitsScatter::setCurrent(int id) {
    m_current = id;
    m_ring->data()->clear();
    for (const BitsPoint &point : m_points)
        if (point.id == id)
            m_ring->addData(point.bits, point.value);
    replot();
}

void BitsScatter::paintFront(const PlotTheme &theme) {
    m_front->setPen(QPen(theme.weakText, 1, Qt::DashLine));
    paint(*m_ring, theme.accent, false);
}

void BitsScatter::fitAll() {
    if (m_points.empty())
        return replot();
    const auto [left, right] =
        std::minmax_element(m_points.begin(), m_points.end(),
                            [](const BitsPoint &a, const BitsPoint &b) { return a.bits < b.bits; });
    const auto [low, high] =
        std::minmax_element(m_points.begin(), m_points.end(),
                            [](const BitsPoint &a, const BitsPoint &b) { return a.value < b.value; });
    const double width = std::max(right->bits - left->bits, 0.5);
    plot().xAxis->setRange(left->bits - kMargin * width, right->bits + m_labelRoom * width);
    fitValues(low->value, high->value);
    replot();
}

void BitsScatter::fitValues(double low, double high) {
    // Two bits can cost orders of magnitude: the others must not fall on one line.
    const bool logarithmic = m_unit != QStringLiteral("%") && low > 0 && high > kDecade * low;
    setLogarithmic(*plot().yAxis, logarithmic);
    if (logarithmic) {
        const double factor = std::pow(high / low, kMargin);
        plot().yAxis->setRange(low / factor, high * factor);
        return;
    }
    const double height = std::max(high - low, std::max(1e-9, 0.02 * std::abs(high)));
    plot().yAxis->setRange(low - kMargin * height, high + 2 * kMargin * height);
}

const BitsPoint *BitsScatter::nearest(double x, double y) const {
    QCustomPlot &chart = const_cast<BitsScatter *>(this)->plot();
    const QPointF pointer(chart.xAxis->coordToPixel(x), chart.yAxis->coordToPixel(y));
    const BitsPoint *found = nullptr;
    double least = kReachPixels;
    for (const BitsPoint &point : m_points) {
        const QPointF place(chart.xAxis->coordToPixel(point.bits), chart.yAxis->coordToPixel(point.value));
        const double distance = std::hypot(place.x() - pointer.x(), place.y() - pointer.y());
        if (distance < least) {
            least = distance;
            found = &point;
        }
    }
    return found;
}

QString BitsScatter::readOut(double x, double y) const {
    const BitsPoint *point = nearest(x, y);
    if (point == nullptr)
        return {};
    const QString text =
        tr("%1: %2 bits, %3")
            .arg(point->title, QString::number(point->bits, 'f', 2), formatWithUnit(point->value, m_unit));
    const QString front = point->onFront ? tr(", on the front") : QString();
    return text + front + (point->remark.isEmpty() ? QString() : ", " + point->remark);
}

} // namespace qs::views
