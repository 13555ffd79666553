#pragma once

#include "core/session/sweep/sweep_results.h"
#include "views/plots/plot_view.h"

class QCPGraph;

namespace qs::views {

/// Which results of a sweep the chart shows.
struct SweepScatterRequest {
    std::shared_ptr<const SweepResults> results; ///< null: nothing
    std::string model;
    int activationBits = 0;
    std::string figure; ///< id of runFigures()
};

/// Effective bits against a figure, a series a method, with the front of the results that no other beats.
class SweepScatter final : public PlotView {
    Q_OBJECT
public:
    explicit SweepScatter(QWidget *parent = nullptr);

    void show(const SweepScatterRequest &request);
    /// Rings a result; -1 none. \param record  index into the results
    void setCurrent(int record);
    /// Records on the front, by increasing bits.
    std::vector<int> front() const;

signals:
    void recordClicked(int record);

private:
    struct Point {
        int record;
        QString method, title;
        double bits, value;
        bool onFront, partial;
        std::size_t series;
    };
    void collect(const SweepScatterRequest &request, const RunFigure &figure);
    void orderSeries();
    void drawSeries();
    void drawFront();
    void applyColors(const PlotTheme &theme);
    void fitAll();
    const Point *nearest(double x, double y) const;

    std::vector<Point> m_points;
    std::vector<QString> m_series; ///< methods, those of most points on the front first
    std::vector<QCPGraph *> m_hollow,
        m_filled; ///< by series, the last for all that have no colour of their own
    QCPGraph *m_front, *m_ring;
    QString m_unit;
    int m_current = -1;
};

} // namespace qs::views
