#pragma once

#include "views/number_line/format_row_plot.h"
#include "views/plots/plot_view.h"

namespace qs::views {

/// Histogram of values and, on the same axis below it, a row per format. Ends of clip ranges are dragged;
/// Shift and Ctrl with the arrow keys move the upper and the lower one.
class NumberLineChart : public PlotView {
    Q_OBJECT
public:
    explicit NumberLineChart(QWidget *parent = nullptr);
    ~NumberLineChart() override;

    void setTable(std::shared_ptr<const NumberLineTable> table);
    void setLogCounts(bool logarithmic);
    void setLogErrors(bool logarithmic);

signals:
    void clipWished(int row, double lo, double hi);
    void rowClicked(int row);

protected:
    bool eventFilter(QObject *watched, QEvent *event) override;
    void keyPressEvent(QKeyEvent *event) override;
    void resizeEvent(QResizeEvent *event) override;

private:
    struct Grip {
        int row = -1;
        ClipHandles::End end = ClipHandles::End::None;
    };
    bool onPress(const QMouseEvent &event);
    void onMove(const QMouseEvent &event);
    Grip gripAt(const QPoint &position) const;
    int rowAt(const QPoint &position) const; ///< -1: none
    const NumberLineRow *shownRow(int row) const;
    void moveEnd(Grip grip, double value);
    void setRowCount(std::size_t count);
    void linkTo(QCPAxis &axis);
    void linkRange(double lower, double upper);
    void rebin();
    void fitAll();
    QString readOut(double x) const;
    void applyColors(const PlotTheme &theme);

    std::shared_ptr<const NumberLineTable> m_table;
    QCPMarginGroup *m_margins;
    QCPGraph *m_counts;
    std::unique_ptr<ClipHandles> m_handles; ///< of the current row, on the histogram
    std::vector<std::unique_ptr<FormatRowPlot>> m_rows;
    BinnedError m_bins;
    Grip m_dragged;
    int m_hovered = -1;
    ValueRange m_fitted; ///< x range of the last fit
    bool m_logCounts = true, m_logErrors = true, m_linking = false;
};

} // namespace qs::views
