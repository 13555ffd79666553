#pragma once

#include "core/session/run_history.h"
#include "views/plots/plot_view.h"

class QCPGraph;

namespace qs::views {

/// How a layer's weight errors (dequantized minus float) are distributed, run by run, in common bins.
struct ErrorOverlayData {
    struct Series {
        std::string title;
        std::vector<double> counts; ///< [bins]
        double meanSquaredError = 0;
    };
    std::string layer;
    double lo = 0, width = 1; ///< of the bins, in weight units
    std::vector<Series> series;
    std::vector<std::string> left; ///< titles of runs that kept the layer in float or failed on it
};

/// The weight that a run made of a layer; null when it is of another model, kept float or failed.
std::shared_ptr<const QuantizedMatrix> quantizedWeight(const Run &run, const Model &model, LayerId layer);

/// \thread worker \error Cancelled; Unsupported  weights without float value
Result<std::shared_ptr<const ErrorOverlayData>> prepareErrorOverlay(const Model &model, LayerId layer,
                                                                    const std::vector<RunEntry> &runs,
                                                                    const RunContext &ctx);

/// The distributions over each other; lines differ in dash as well as in colour.
class ErrorOverlay final : public PlotView {
    Q_OBJECT
public:
    explicit ErrorOverlay(QWidget *parent = nullptr);
    /// Null clears the chart.
    void setData(std::shared_ptr<const ErrorOverlayData> data);

private:
    void fitAll();
    void applyColors(const PlotTheme &theme);

    std::shared_ptr<const ErrorOverlayData> m_data;
    std::vector<QCPGraph *> m_graphs;
};

} // namespace qs::views
