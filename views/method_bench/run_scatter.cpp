#include "views/method_bench/run_scatter.h"

#include "core/session/sweep/pareto_front.h"

#include <qcustomplot.h>

namespace qs::views {

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
    label->position->setCoords(point.bits, point.value);
    label->setPositionAlignment(Qt::AlignLeft | Qt::AlignBottom);
    label->setPadding({8, 0, 0, 4});
    label->setText(point.title);
    label->setColor(PlotTheme::ofApplication().text);
    label->setFont(plot().font());
    label->setSelectable(false);
    m_labels.push_back(label);
}

} // namespace qs::views
