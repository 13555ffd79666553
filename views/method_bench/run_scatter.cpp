#include "views/method_bench/run_scatter.h"

#include "core/session/sweep/pareto_front.h"

#include <qcustomplot.h>

namespace qs::views {

namespace {

constexpr double kLabelGap = 7; ///< pixels between a point and its name

/// The sides of a point on which its name may stand, the usual one first.
constexpr std::pair<int, int> kSides[] = {
    {1, -1}, {1, 1}, {-1, -1}, {-1, 1}}; // right or left, above or below

QRectF besidePoint(QPointF point, QSizeF size, std::pair<int, int> side) {
    const double x = side.first > 0 ? point.x() + kLabelGap : point.x() - kLabelGap - size.width();
    const double y = side.second < 0 ? point.y() - size.height() : point.y();
    return {QPointF(x, y), size};
}

} // namespace

RunScatter::RunScatter(QWidget *parent) : BitsScatter(parent) {
    m_others = addPoints(plot(), QCPScatterStyle::ssCircle, 8, tr("beaten by another run"));
    m_best = addPoints(plot(), QCPScatterStyle::ssDiamond, 10, tr("best at its bits"));
    placeLegendAbove(plot());
    setLabelRoom(0.3);
    setStyler([this](const PlotTheme &theme) {
        paintFront(theme);
        paint(*m_others, theme.series(0), false);
        paint(*m_best, theme.series(1), true);
        for (QCPItemText *label : m_labels)
            label->setColor(theme.text);
    });
    connect(&plot(), &QCustomPlot::afterLayout, this, &RunScatter::placeLabels);
    setFileName(QStringLiteral("bits-against-metric"));
    setAccessibleName(tr("Effective bits against a metric, a point a run"));
}

void RunScatter::clear() {
    setPoints({});
    drawPoints();
}

void RunScatter::setRuns(const std::vector<RunEntry> &runs, const Run *shown, const ComparisonColumn &bits,
                         const ComparisonColumn &figure) {
    std::vector<BitsPoint> points;
    std::vector<ParetoPoint> costs;
    int current = -1;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        if (!bits.values[i] || !figure.values[i] || !std::isfinite(*figure.values[i]))
            continue;
        points.push_back({runs[i].number,
                          QString::fromStdString(runs[i].title()),
                          {},
                          *bits.values[i],
                          *figure.values[i]});
        costs.push_back({*bits.values[i], *figure.values[i]});
        if (runs[i].run.get() == shown)
            current = runs[i].number;
    }
    const std::vector<bool> front = paretoFront(costs, figure.higherIsBetter);
    for (std::size_t i = 0; i < points.size(); ++i)
        points[i].onFront = front[i];
    setFigure(figure.name, figure.unit);
    setPoints(std::move(points));
    setCurrent(current);
    drawPoints();
    fitAll();
}

void RunScatter::drawPoints() {
    m_others->data()->clear();
    m_best->data()->clear();
    removeLabels();
    for (const BitsPoint &point : points()) {
        (point.onFront ? m_best : m_others)->addData(point.bits, point.value);
        addLabel(point);
    }
    replot();
}

void RunScatter::removeLabels() {
    for (QCPItemText *label : m_labels)
        plot().removeItem(label);
    m_labels.clear();
}

void RunScatter::addLabel(const BitsPoint &point) {
    auto *label = new QCPItemText(&plot());
    label->setLayer("main");
    label->position->setType(QCPItemPosition::ptAbsolute);
    label->setPositionAlignment(Qt::AlignLeft | Qt::AlignTop);
    label->setText(point.title);
    label->setColor(PlotTheme::ofApplication().text);
    label->setFont(plot().font());
    label->setSelectable(false);
    m_labels.push_back(label);
}

/// Names must be readable: where there is room on no side of a point, the read-out alone tells its name.
void RunScatter::placeLabels() {
    const QRectF area = plot().axisRect()->rect();
    std::vector<QRectF> taken;
    std::vector<QPointF> places;
    for (const BitsPoint &point : points()) {
        places.emplace_back(plot().xAxis->coordToPixel(point.bits), plot().yAxis->coordToPixel(point.value));
        taken.emplace_back(places.back() - QPointF(4, 4), QSizeF(8, 8));
    }
    for (std::size_t i = 0; i < m_labels.size(); ++i) {
        const QSizeF size = QFontMetricsF(m_labels[i]->font()).size(0, m_labels[i]->text());
        const auto side = std::ranges::find_if(kSides, [&](const auto &candidate) {
            const QRectF rect = besidePoint(places[i], size, candidate);
            return area.contains(rect) &&
                   std::ranges::none_of(taken, [&](const QRectF &other) { return other.intersects(rect); });
        });
        m_labels[i]->setVisible(side != std::end(kSides));
        if (side == std::end(kSides))
            continue;
        const QRectF rect = besidePoint(places[i], size, *side);
        m_labels[i]->position->setCoords(rect.topLeft());
        taken.push_back(rect);
    }
}

} // namespace qs::views
