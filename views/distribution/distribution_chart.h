#pragma once

#include "views/distribution/distribution_data.h"
#include "views/plots/plot_view.h"

class QCPAxisTickerText;
class QCPBars;
class QCPGraph;
class QCPItemRect;
class QCPItemText;

namespace qs::views {

/// Histogram of float values, the quantized ones over it, the values that codes stand for along the top, and
/// where the grid ends.
class DistributionChart : public PlotView {
    Q_OBJECT
public:
    explicit DistributionChart(QWidget *parent = nullptr);

    void setData(std::shared_ptr<const DistributionData> data);
    void setLogCounts(bool logarithmic);
    void setGridWanted(bool wanted);

signals:
    /// Why the wanted grid lines are not drawn at this zoom; empty when they are.
    void gridNote(const QString &note);

private:
    void applyColors(const PlotTheme &theme);
    void fitAll();
    void fitCounts();
    void updateGrid();
    void updateClipMarks();
    void placeClipLabels();
    QString readOut(double x) const;

    std::shared_ptr<const DistributionData> m_data;
    QCPGraph *m_values, *m_quantized;
    QCPItemRect *m_clippedLow, *m_clippedHigh;
    QCPItemText *m_clipLabelLow, *m_clipLabelHigh;
    QSharedPointer<QCPAxisTickerText> m_codeTicker;
    bool m_logCounts = true, m_gridWanted = true;
};

} // namespace qs::views
