#pragma once

#include "core/session/run_comparison.h"
#include "core/session/run_history.h"
#include "views/plots/plot_view.h"

class QCPGraph;

namespace qs::views {

/// Runs as points: effective bits against one figure, with the front of those that no other run beats in
/// both.
class RunScatter final : public PlotView {
    Q_OBJECT
public:
    explicit RunScatter(QWidget *parent = nullptr);

    /// \param bits, figure  columns of compareRuns() over `runs`
    void setRuns(const std::vector<RunEntry> &runs, const Run *shown, const ComparisonColumn &bits,
                 const ComparisonColumn &figure);
    void clear();

signals:
    void runClicked(int number);

private:
    struct Point {
        int number;
        QString title;
        double bits, value;
        bool onFront, shown;
    };
    void findFront(bool higherIsBetter);
    void drawPoints();
    void fitAll();
    const Point *nearest(double x, double y) const;

    QCPGraph *m_front, *m_others, *m_best, *m_shownRing;
    std::vector<Point> m_points;
    QString m_unit;
};

} // namespace qs::views
