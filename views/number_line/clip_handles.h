#pragma once

#include "core/quant/range_rule.h"
#include "views/plots/plot_style.h"

class QCPAxisRect;
class QCPItemLine;
class QCPItemText;
class QCustomPlot;

namespace qs::views {

/// The two ends of a clip range as vertical lines across one axis rectangle, with their values if wanted.
class ClipHandles {
public:
    enum class End { None, Low, High };

    ClipHandles(QCustomPlot &plot, QCPAxisRect &rect, bool withValues);
    ~ClipHandles();
    ClipHandles(const ClipHandles &) = delete;
    ClipHandles &operator=(const ClipHandles &) = delete;

    void setRange(const ValueRange &range, bool isCurrent);
    void setVisible(bool visible);
    void applyColors(const PlotTheme &theme);
    /// The end within reach of a horizontal position in pixels; the nearer of both.
    End endAt(double pixel) const;

private:
    QCustomPlot &m_plot;
    QCPAxisRect &m_rect;
    QCPItemLine *m_lines[2];
    QCPItemText *m_values[2] = {nullptr, nullptr};
    ValueRange m_range;
    bool m_current = false, m_visible = false;
};

} // namespace qs::views
