#pragma once

#include "core/graph/layer.h"
#include "views/plots/plot_view.h"

class QCPAxisTickerText;
class QCPGraph;
class QCPItemRect;
class QCPItemStraightLine;

namespace qs::views {

class SensitivityModel;

/// One line per bit-width over the layers, worst first.
class SensitivityChart : public PlotView {
    Q_OBJECT
public:
    explicit SensitivityChart(const SensitivityModel &model, QWidget *parent = nullptr);

    /// Reads the model again: data or metric changed.
    void refresh();
    void setSelectedLayer(LayerId layer);

signals:
    void layerClicked(LayerId layer);

private:
    void sortRows();
    void fillGraphs();
    void applyColors(const PlotTheme &theme);
    void fitAll();
    void updateLabels();
    void updateBand();
    QString readOut(double x) const;

    const SensitivityModel &m_model;
    std::vector<int> m_rows; ///< rows of the model by place on the axis
    QSize m_size;            ///< of the chart, on screen or on paper
    std::vector<QCPGraph *> m_graphs;
    QSharedPointer<QCPAxisTickerText> m_ticker;
    QCPItemRect *m_band;
    QCPItemStraightLine *m_baseline;
    LayerId m_selected = kNoLayer;
};

} // namespace qs::views
