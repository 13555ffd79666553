#include "views/sweep/sweep_scatter.h"

#include "core/session/sweep/sweep_table.h"

#include <map>
#include <qcustomplot.h>

namespace qs::views {
namespace {

constexpr std::size_t kMostSeries = 8; ///< colours and shapes that stay distinct; the rest is one series

/// Shapes differ as well as colours.
QCPScatterStyle::ScatterShape shapeOf(std::size_t series) {
    using Style = QCPScatterStyle;
    static constexpr Style::ScatterShape kShapes[] = {
        Style::ssCircle,           Style::ssSquare,      Style::ssDiamond,    Style::ssTriangle,
        Style::ssTriangleInverted, Style::ssCrossSquare, Style::ssPlusCircle, Style::ssCrossCircle};
    return series < kMostSeries ? kShapes[series] : Style::ssDisc;
}

} // namespace

SweepScatter::SweepScatter(QWidget *parent) : BitsScatter(parent) {
    placeLegendAbove(plot());
    setStyler([this](const PlotTheme &theme) { applyColors(theme); });
    setFileName(QStringLiteral("sweep-bits-against-metric"));
    setAccessibleName(tr("Results of a sweep: effective bits against a metric, a series a method"));
}

void SweepScatter::show(const SweepScatterRequest &request) {
    m_methods.clear();
    const RunFigure *figure = findRunFigure(request.figure);
    std::vector<BitsPoint> points;
    if (request.results && figure) {
        setFigure(figure->name, figure->unit);
        points = collect(request, *figure);
    }
    setPoints(std::move(points));
    orderSeries();
    drawSeries();
    applyColors(PlotTheme::ofApplication());
    fitAll();
}

std::vector<BitsPoint> SweepScatter::collect(const SweepScatterRequest &request, const RunFigure &figure) {
    const std::vector<SweepRecord> &records = request.results->records;
    const std::vector<bool> front = paretoRecords(*request.results, figure.id);
    std::vector<BitsPoint> points;
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
        const bool partial = record.state == SweepRecord::State::Partial;
        points.push_back({static_cast<int>(i), title, partial ? tr("some layers in float") : QString(), *bits,
                          *value, front[i]});
        m_methods.push_back(method);
    }
    return points;
}

/// Methods on the front get the colours that are easiest to tell apart.
void SweepScatter::orderSeries() {
    std::map<QString, int> frontPoints;
    for (std::size_t i = 0; i < m_methods.size(); ++i)
        frontPoints[m_methods[i]] += points()[i].onFront ? 1 : 0;
    m_series.clear();
    for (const auto &[method, count] : frontPoints)
        m_series.push_back(method);
    std::stable_sort(m_series.begin(), m_series.end(),
                     [&](const QString &a, const QString &b) { return frontPoints[a] > frontPoints[b]; });
}

std::size_t SweepScatter::seriesOf(const QString &method) const {
    const auto found = std::find(m_series.begin(), m_series.end(), method);
    return std::min(static_cast<std::size_t>(found - m_series.begin()), kMostSeries);
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
    for (std::size_t i = 0; i < m_methods.size(); ++i) {
        const BitsPoint &point = points()[i];
        (point.onFront ? m_filled : m_hollow)[seriesOf(m_methods[i])]->addData(point.bits, point.value);
    }
}

void SweepScatter::applyColors(const PlotTheme &theme) {
    paintFront(theme);
    for (std::size_t i = 0; i < m_hollow.size(); ++i) {
        const QColor color = i < kMostSeries ? theme.series(static_cast<int>(i)) : theme.weakText;
        paint(*m_hollow[i], color, false);
        paint(*m_filled[i], color, true);
    }
}

} // namespace qs::views
