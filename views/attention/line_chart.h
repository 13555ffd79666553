#pragma once

#include "views/plots/plot_view.h"

#include <QVector>

class QCPGraph;
class QCPItemStraightLine;
class QLabel;

namespace qs::views {

struct LineSeries {
    enum class Role { Float, Quantized, Background };
    QString name;
    Role role = Role::Float;
    QVector<double> x, y;
};

/// Lines over one axis, and a vertical mark.
struct LineChartContent {
    QString xTitle, yTitle, fileName;
    std::vector<LineSeries> series;
    std::optional<double> mark;
    bool legend = true;
    bool steps = false; ///< values belong to cells, not to points
    QString whyEmpty;   ///< shown in the place of axes without a line
};

/// A chart of a few lines: the float model solid, the quantized one dashed, so that they differ without
/// colour.
class LineChart : public PlotView {
    Q_OBJECT
public:
    explicit LineChart(QWidget *parent = nullptr);
    void setContent(LineChartContent content);
    const LineChartContent &content() const { return m_content; }

private:
    void setTicksFor(QSize size);
    void applyColors(const PlotTheme &theme);
    void fitAll();
    QString readOut(double x) const;

    LineChartContent m_content;
    std::vector<QCPGraph *> m_graphs;
    QCPItemStraightLine *m_mark;
    QLabel *m_whyEmpty;
};

} // namespace qs::views
