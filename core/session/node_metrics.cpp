#include "core/session/node_metrics.h"

#include "core/base/check.h"
#include "core/tensor/outlier_score.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qs {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

const LayerResult *resultOf(const NodeMetricSources &sources, LayerId id) {
    return sources.run ? sources.run->layers[static_cast<std::size_t>(id)].get() : nullptr;
}

double outlierScoreOf(const Capture &capture, LayerId id) {
    const auto &layer = capture.layers[static_cast<std::size_t>(id)];
    if (!layer)
        return kNone;
    std::vector<float> magnitudes;
    for (std::size_t c = 0; c < layer->channelMin.size(); ++c)
        magnitudes.push_back(std::max(std::abs(layer->channelMin[c]), std::abs(layer->channelMax[c])));
    return outlierScore(magnitudes);
}

/// The column of the table for the wanted bit-width.
std::size_t columnOf(const SensitivityTable &table, int bits) {
    const auto found = std::find(table.bits.begin(), table.bits.end(), bits);
    return found == table.bits.end() ? 0 : static_cast<std::size_t>(found - table.bits.begin());
}

double sensitivityOf(const SensitivityTable &table, LayerId id, int bits) {
    const auto row = std::find(table.layers.begin(), table.layers.end(), id);
    if (row == table.layers.end())
        return kNone;
    const auto &cell =
        table.cell(static_cast<std::size_t>(row - table.layers.begin()), columnOf(table, bits));
    return cell ? metricValue(cell->network, Metric::OutputSqnr).value_or(kNone) : kNone;
}

/// Metrics that layers have; the other nodes have none.
double layerValue(NodeMetric metric, const NodeMetricSources &sources, const Layer &layer) {
    const LayerResult *result = resultOf(sources, layer.id);
    switch (metric) {
    case NodeMetric::EffectiveBits:
        return result ? result->bits.effective() : kNone;
    case NodeMetric::WeightSqnr:
        return result ? result->weightSqnrDb().value_or(kNone) : kNone;
    case NodeMetric::OutputSqnr:
        return result ? result->outputSqnrDb().value_or(kNone) : kNone;
    case NodeMetric::NetworkSqnr:
        return result && result->network ? metricValue(*result->network, Metric::OutputSqnr).value_or(kNone)
                                         : kNone;
    case NodeMetric::Sensitivity:
        return sensitivityOf(*sources.sensitivity, layer.id, sources.sensitivityBits);
    case NodeMetric::OutlierScore:
        return outlierScoreOf(*sources.capture, layer.id);
    case NodeMetric::Parameters:
        return static_cast<double>(layer.parameters());
    default:
        return kNone;
    }
}

double errorValue(NodeMetric metric, const NodeError &error) {
    const double decibel = metric == NodeMetric::AccumulatedSqnr ? error.accumulatedDb()
                           : metric == NodeMetric::OwnSqnr       ? error.ownDb()
                                                                 : error.inheritedDb();
    // An output that is not a number is worse than any that is, and must not look as if it had no value.
    return std::isnan(decibel) ? -std::numeric_limits<double>::infinity() : decibel;
}

} // namespace

const std::vector<NodeMetricInfo> &allNodeMetrics() {
    using Of = NodeMetricInfo::OfBlock;
    static const std::vector<NodeMetricInfo> metrics = {
        {NodeMetric::None, "none", "Nothing", "", "Boxes are told apart by their names only.", true,
         Of::Worst},
        {NodeMetric::EffectiveBits, "bits", "Effective bits", "bit/weight",
         "Bits per weight of the run, with scales, zero points and indices.", true, Of::MeanOverParameters},
        {NodeMetric::WeightSqnr, "weight-sqnr", "Weight SQNR", "dB",
         "Weight of the layer against its dequantized self.", true, Of::Worst},
        {NodeMetric::OutputSqnr, "output-sqnr", "Layer output SQNR", "dB",
         "Output of the layer when it alone is quantized.", true, Of::Worst},
        {NodeMetric::NetworkSqnr, "network-sqnr", "Model output SQNR", "dB",
         "Output of the model when this layer alone is quantized.", true, Of::Worst},
        {NodeMetric::Sensitivity, "sensitivity", "Sensitivity", "dB",
         "Output SQNR of the model with this layer alone at one bit-width.", true, Of::Worst},
        {NodeMetric::AccumulatedSqnr, "accumulated-sqnr", "Accumulated SQNR", "dB",
         "Output of the node in the quantized network against the float network.", true, Of::Worst},
        {NodeMetric::OwnSqnr, "own-sqnr", "Own SQNR", "dB",
         "Output of the node quantized, fed by the float network: the error that it adds.", true, Of::Worst},
        {NodeMetric::InheritedSqnr, "inherited-sqnr", "Inherited SQNR", "dB",
         "Output of the node in float, fed by the quantized network: the error that reaches it.", true,
         Of::Worst},
        {NodeMetric::Time, "time", "Time", "ms", "Run time of the node in float on this machine, per batch.",
         false, Of::Sum},
        {NodeMetric::OutlierScore, "outliers", "Outlier score", "",
         "Largest over median channel magnitude of the activation that enters the layer.", false, Of::Worst},
        {NodeMetric::Parameters, "parameters", "Parameters", "", "Weights of the layer.", false, Of::Sum},
    };
    return metrics;
}

const NodeMetricInfo &nodeMetricInfo(NodeMetric metric) {
    const auto found = std::find_if(allNodeMetrics().begin(), allNodeMetrics().end(),
                                    [metric](const NodeMetricInfo &info) { return info.metric == metric; });
    QS_CHECK(found != allNodeMetrics().end(), "every metric is in the table");
    return *found;
}

const NodeMetricInfo *findNodeMetric(const std::string &id) {
    const auto found = std::find_if(allNodeMetrics().begin(), allNodeMetrics().end(),
                                    [&id](const NodeMetricInfo &info) { return info.id == id; });
    return found == allNodeMetrics().end() ? nullptr : &*found;
}

const char *ofBlockText(NodeMetricInfo::OfBlock ofBlock) {
    switch (ofBlock) {
    case NodeMetricInfo::OfBlock::Worst:
        return "worst";
    case NodeMetricInfo::OfBlock::Sum:
        return "sum";
    case NodeMetricInfo::OfBlock::MeanOverParameters:
        return "mean over parameters";
    }
    return "";
}

std::string whyNoValues(NodeMetric metric, const NodeMetricSources &sources) {
    switch (metric) {
    case NodeMetric::EffectiveBits:
    case NodeMetric::WeightSqnr:
        return sources.run ? "" : "Quantize the model first (F5).";
    case NodeMetric::OutputSqnr:
    case NodeMetric::NetworkSqnr:
        return !sources.run ? "Quantize the model first (F5)."
               : !sources.run->baseline
                   ? "This run measured no outputs: open calibration data and run again (F5)."
                   : "";
    case NodeMetric::Sensitivity:
        return sources.sensitivity ? "" : "Measure sensitivity first (view Sensitivity).";
    case NodeMetric::AccumulatedSqnr:
    case NodeMetric::OwnSqnr:
    case NodeMetric::InheritedSqnr:
        return sources.errors ? "" : "Compare node by node first (First divergence).";
    case NodeMetric::Time:
        return sources.times ? "" : "Measure the time of every node first (Measure time).";
    case NodeMetric::OutlierScore:
        return sources.capture ? "" : "Calibrate first: outliers are those of captured activations.";
    case NodeMetric::None:
    case NodeMetric::Parameters:
        return {};
    }
    return {};
}

std::vector<double> nodeMetricValues(NodeMetric metric, const NodeMetricSources &sources) {
    std::vector<double> values(sources.model->graph.nodes().size(), kNone);
    if (metric == NodeMetric::None || !whyNoValues(metric, sources).empty())
        return values;
    if (metric == NodeMetric::Time) {
        std::transform(sources.times->seconds.begin(), sources.times->seconds.end(), values.begin(),
                       [](double seconds) { return seconds * 1000; });
    } else if (metric == NodeMetric::AccumulatedSqnr || metric == NodeMetric::OwnSqnr ||
               metric == NodeMetric::InheritedSqnr) {
        for (std::size_t node = 0; node < values.size(); ++node)
            if (const auto &error = sources.errors->nodes[node])
                values[node] = errorValue(metric, *error);
    } else {
        for (const Layer &layer : sources.model->layers)
            values[static_cast<std::size_t>(layer.node)] = layerValue(metric, sources, layer);
    }
    return values;
}

double blockValue(const NodeMetricInfo &info, std::span<const double> values,
                  std::span<const double> weights) {
    double total = 0, weight = 0, worst = kNone;
    bool any = false;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::isnan(values[i]))
            continue;
        any = true;
        total += values[i] * (info.ofBlock == NodeMetricInfo::OfBlock::MeanOverParameters ? weights[i] : 1);
        weight += weights[i];
        worst = std::isnan(worst)     ? values[i]
                : info.higherIsBetter ? std::min(worst, values[i])
                                      : std::max(worst, values[i]);
    }
    if (!any)
        return kNone;
    switch (info.ofBlock) {
    case NodeMetricInfo::OfBlock::Worst:
        return worst;
    case NodeMetricInfo::OfBlock::Sum:
        return total;
    case NodeMetricInfo::OfBlock::MeanOverParameters:
        return weight > 0 ? total / weight : kNone;
    }
    return kNone;
}

} // namespace qs
