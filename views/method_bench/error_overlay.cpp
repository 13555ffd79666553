#include "views/method_bench/error_overlay.h"

#include "core/tensor/histogram.h"
#include "views/shared/format_text.h"

#include <qcustomplot.h>

namespace qs::views {
namespace {

constexpr int kBins = 160;
constexpr double kLogFloor = 0.5;

std::vector<float> errorsOf(const QuantizedMatrix &matrix, std::span<const float> weights) {
    const Tensor dequantized = matrix.dequantize();
    const auto values = dequantized.values<float>();
    std::vector<float> errors(values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        errors[i] = values[i] - weights[i];
    return errors;
}

double largestMagnitude(const std::vector<std::vector<float>> &errors) {
    double largest = 0;
    for (const auto &run : errors)
        for (const float error : run)
            if (std::isfinite(error))
                largest = std::max(largest, static_cast<double>(std::abs(error)));
    return largest;
}

double meanSquare(const std::vector<float> &values) {
    double sum = 0;
    for (const float value : values)
        sum += static_cast<double>(value) * static_cast<double>(value);
    return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

} // namespace

std::shared_ptr<const QuantizedMatrix> quantizedWeight(const Run &run, const Model &model, LayerId layer) {
    const auto index = static_cast<std::size_t>(layer);
    const bool same =
        run.model.get() == &model && index < run.layers.size() && run.layers[index] && run.hasOriginal();
    return same ? run.layers[index]->quantized.weight : nullptr;
}

Result<std::shared_ptr<const ErrorOverlayData>> prepareErrorOverlay(const Model &model, LayerId layer,
                                                                    const std::vector<RunEntry> &runs,
                                                                    const RunContext &ctx) {
    const Layer &info = model.layers[static_cast<std::size_t>(layer)];
    auto data = std::make_shared<ErrorOverlayData>();
    data->layer = info.name;
    std::vector<std::vector<float>> errors;
    for (const RunEntry &entry : runs) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        const auto matrix = quantizedWeight(*entry.run, model, layer);
        if (!matrix) {
            data->left.push_back(entry.title());
            continue;
        }
        // The weights that this run's codes stand for: transformed ones differ from run to run.
        const Model &quantized = *entry.run->quantizedModel();
        QS_TRY(const Tensor weights,
               weightMatrix(quantized.layers[static_cast<std::size_t>(layer)], quantized.graph));
        errors.push_back(errorsOf(*matrix, weights.values<float>()));
        data->series.push_back({entry.title(), {}, meanSquare(errors.back())});
    }
    const double reach = std::max(largestMagnitude(errors), 1e-12);
    data->lo = -reach;
    data->width = 2 * reach / kBins;
    for (std::size_t i = 0; i < errors.size(); ++i) {
        QS_TRY(const Histogram bins, computeHistogram(errors[i], -reach, reach, kBins, ctx));
        data->series[i].counts.assign(bins.counts().begin(), bins.counts().end());
    }
    return std::shared_ptr<const ErrorOverlayData>(std::move(data));
}

ErrorOverlay::ErrorOverlay(QWidget *parent) : PlotView(parent) {
    QCustomPlot &chart = plot();
    chart.xAxis->setLabel(tr("error of a weight: dequantized − float"));
    chart.yAxis->setLabel(tr("weights per bin"));
    setLogarithmic(*chart.yAxis);
    placeLegendAbove(chart);
    setZoomAxes(Qt::Horizontal);
    setFitter([this] { fitAll(); });
    setStyler([this](const PlotTheme &theme) { applyColors(theme); });
    setFileName(QStringLiteral("weight-errors"));
    setAccessibleName(tr("Distribution of weight errors, a line a run"));
}

void ErrorOverlay::setData(std::shared_ptr<const ErrorOverlayData> data) {
    m_data = std::move(data);
    plot().clearGraphs();
    m_graphs.clear();
    for (std::size_t s = 0; m_data && s < m_data->series.size(); ++s) {
        const auto &series = m_data->series[s];
        QCPGraph *graph = plot().addGraph();
        graph->setLineStyle(QCPGraph::lsStepCenter);
        graph->setName(
            tr("%1, MSE %2")
                .arg(QString::fromStdString(series.title), formatNumber(series.meanSquaredError, 3)));
        for (std::size_t bin = 0; bin < series.counts.size(); ++bin)
            graph->addData(m_data->lo + (static_cast<double>(bin) + 0.5) * m_data->width,
                           std::max(series.counts[bin], kLogFloor));
        m_graphs.push_back(graph);
    }
    applyColors(PlotTheme::ofApplication());
    fitAll();
}

void ErrorOverlay::applyColors(const PlotTheme &theme) {
    static constexpr Qt::PenStyle kDashes[] = {Qt::SolidLine, Qt::DashLine, Qt::DotLine, Qt::DashDotLine};
    for (std::size_t i = 0; i < m_graphs.size(); ++i)
        m_graphs[i]->setPen(QPen(theme.series(static_cast<int>(i)), 1.6, kDashes[i % std::size(kDashes)]));
}

void ErrorOverlay::fitAll() {
    if (!m_data)
        return replot();
    const double reach = -m_data->lo;
    double highest = 10;
    for (const auto &series : m_data->series)
        highest = std::max(highest, *std::max_element(series.counts.begin(), series.counts.end()));
    plot().xAxis->setRange(-1.02 * reach, 1.02 * reach);
    plot().yAxis->setRange(kLogFloor, 1.5 * highest);
    replot();
}

} // namespace qs::views
