#pragma once

#include "core/session/sweep/sweep_results.h"
#include "views/plots/bits_scatter.h"

namespace qs::views {

/// Which results of a sweep the chart shows.
struct SweepScatterRequest {
    std::shared_ptr<const SweepResults> results; ///< null: nothing
    std::string model;
    int activationBits = 0;
    std::string figure; ///< id of runFigures()
};

/// The results of a sweep: effective bits against a figure, a series a method. Ids are indices of records.
class SweepScatter final : public BitsScatter {
    Q_OBJECT
public:
    explicit SweepScatter(QWidget *parent = nullptr);

    void show(const SweepScatterRequest &request);

private:
    std::vector<BitsPoint> collect(const SweepScatterRequest &request, const RunFigure &figure);
    void orderSeries();
    void drawSeries();
    std::size_t seriesOf(const QString &method) const;
    void applyColors(const PlotTheme &theme);

    std::vector<QString> m_methods; ///< by point
    std::vector<QString> m_series;  ///< methods, those of most points on the front first
    std::vector<QCPGraph *> m_hollow,
        m_filled; ///< by series, the last for all that have no colour of their own
};

} // namespace qs::views
