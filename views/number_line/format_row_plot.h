#pragma once

#include "views/number_line/clip_handles.h"
#include "views/number_line/number_line_values.h"

class QCPGraph;
class QCPItemRect;
class QCPMarginGroup;

namespace qs::views {

/// One format on the number line: its code points as ticks, where it clips, and the squared error per bin
/// beneath. Owns its axis rectangle, which it appends to the plot.
class FormatRowPlot {
public:
    FormatRowPlot(QCustomPlot &plot, QCPMarginGroup &margins);
    ~FormatRowPlot();
    FormatRowPlot(const FormatRowPlot &) = delete;
    FormatRowPlot &operator=(const FormatRowPlot &) = delete;

    QCPAxisRect &rect() { return *m_rect; }
    const ClipHandles &handles() const { return *m_handles; }
    void setRow(const NumberLineTable &table, std::size_t row);
    void setErrors(const BinnedError &errors);
    /// \param worst  Σ error² of the worst bin of all rows: rows share a scale
    void setErrorScale(double worst, bool logarithmic);
    /// Only the lowest row tells the values and their name.
    void setIsLowest(bool lowest, const QString &valueName);
    void applyColors(const PlotTheme &theme);

private:
    QCustomPlot &m_plot;
    QCPAxisRect *m_rect;
    QCPGraph *m_errors, *m_points;
    QCPItemRect *m_clippedLow, *m_clippedHigh;
    QCPItemText *m_title;
    std::unique_ptr<ClipHandles> m_handles;
    bool m_logarithmic = false;
};

} // namespace qs::views
