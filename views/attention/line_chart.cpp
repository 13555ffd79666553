#include "views/attention/line_chart.h"

#include "views/shared/format_text.h"

#include <QLabel>
#include <qcustomplot.h>

namespace qs::views {

using Role = LineSeries::Role;

LineChart::LineChart(QWidget *parent)
    : PlotView(parent), m_mark(new QCPItemStraightLine(&plot())), m_whyEmpty(new QLabel) {
    m_whyEmpty->setWordWrap(true);
    m_whyEmpty->setAlignment(Qt::AlignCenter);
    m_whyEmpty->setMargin(16);
    m_whyEmpty->hide();
    layout()->addWidget(m_whyEmpty);
    placeLegendAbove(plot());
    m_mark->setVisible(false);
    m_mark->setSelectable(false);
    setStyler([this](const PlotTheme &theme) { applyColors(theme); });
    setFitter([this] { fitAll(); });
    setReadOut([this](double x, double) { return readOut(x); });
    setZoomAxes(Qt::Horizontal | Qt::Vertical);
    setSizer([this](QSize size) { setTicksFor(size); });
}

void LineChart::setContent(LineChartContent content) {
    m_content = std::move(content);
    const bool saysWhy = m_content.series.empty() && !m_content.whyEmpty.isEmpty();
    m_whyEmpty->setText(m_content.whyEmpty);
    m_whyEmpty->setVisible(saysWhy);
    plot().setVisible(!saysWhy);
    plot().clearGraphs();
    m_graphs.clear();
    for (const LineSeries &series : m_content.series) {
        QCPGraph *graph = plot().addGraph();
        graph->setName(series.name);
        graph->setData(series.x, series.y, true);
        graph->setLineStyle(m_content.steps ? QCPGraph::lsStepCenter : QCPGraph::lsLine);
        if (series.name.isEmpty())
            graph->removeFromLegend();
        m_graphs.push_back(graph);
    }
    plot().xAxis->setLabel(m_content.xTitle);
    plot().yAxis->setLabel(m_content.yTitle);
    setFileName(m_content.fileName);
    plot().legend->setVisible(m_content.legend && m_content.series.size() > 1);
    m_mark->setVisible(m_content.mark.has_value());
    if (m_content.mark) {
        m_mark->point1->setCoords(*m_content.mark, 0);
        m_mark->point2->setCoords(*m_content.mark, 1);
    }
    applyColors(PlotTheme::ofApplication());
    fit();
}

void LineChart::applyColors(const PlotTheme &theme) {
    for (std::size_t i = 0; i < m_graphs.size(); ++i) {
        const Role role = m_content.series[i].role;
        QColor faint = theme.weakText;
        faint.setAlpha(90);
        QPen pen(role == Role::Background ? faint : theme.series(role == Role::Float ? 0 : 1),
                 role == Role::Background ? 1.0 : 1.6);
        if (role == Role::Quantized)
            pen.setStyle(Qt::DashLine);
        m_graphs[i]->setPen(pen);
    }
    m_mark->setPen(QPen(theme.weakText, 1, Qt::DotLine));
}

/// Labels of a low chart must not touch.
void LineChart::setTicksFor(QSize size) {
    plot().yAxis->ticker()->setTickCount(std::clamp(size.height() / 45, 2, 6));
    plot().xAxis->ticker()->setTickCount(std::clamp(size.width() / 70, 2, 8));
}

void LineChart::fitAll() {
    QCPRange keys(0, 1), values(0, 1);
    bool found = false;
    for (const QCPGraph *graph : m_graphs) {
        bool hasKeys = false, hasValues = false;
        const QCPRange ownKeys = graph->getKeyRange(hasKeys), ownValues = graph->getValueRange(hasValues);
        if (!hasKeys || !hasValues)
            continue;
        keys = found ? keys.expanded(ownKeys) : ownKeys;
        values = found ? values.expanded(ownValues) : ownValues;
        found = true;
    }
    const double half = m_content.steps ? 0.5 : 0;
    plot().xAxis->setRange(keys.lower - half, std::max(keys.upper, keys.lower + 1e-9) + half);
    const double top = std::max(values.upper, 1e-9);
    plot().yAxis->setRange(std::min(0.0, values.lower), top * 1.06);
}

QString LineChart::readOut(double x) const {
    QStringList lines;
    for (const LineSeries &series : m_content.series) {
        if (series.x.isEmpty() || series.role == Role::Background)
            continue;
        const auto after = std::lower_bound(series.x.begin(), series.x.end(), x);
        auto index = std::min<qsizetype>(after - series.x.begin(), series.x.size() - 1);
        if (index > 0 && x - series.x[index - 1] < series.x[index] - x)
            --index;
        if (lines.isEmpty())
            lines << QStringLiteral("%1 %2").arg(m_content.xTitle, formatNumber(series.x[index]));
        lines << QStringLiteral("%1: %2").arg(series.name, formatNumber(series.y[index]));
    }
    return lines.join('\n');
}

} // namespace qs::views
