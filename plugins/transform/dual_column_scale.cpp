#include "plugins/transform/dual_column_scale.h"

#include "plugins/grid/dual_scale_fit.h"
#include "plugins/transform/site_request.h"

#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "iterations": {
      "type": "integer", "title": "Rounds", "default": 15, "minimum": 1, "maximum": 50,
      "description": "Rounds of the alternation between row scales, column scales and signs."},
    "keep_best": {
      "type": "boolean", "title": "Only where it helps", "default": true,
      "description": "Leaves a layer as it is when plain rounding on the recipe's grid comes closer to its weight without the column scales."}
  }
})";

/// 1 / c, with c divided by its geometric mean: only the ratios matter.
std::vector<float> scaleOf(const std::vector<double> &columns) {
    double logSum = 0;
    for (double column : columns)
        logSum += std::log(column);
    const double mean = std::exp(logSum / static_cast<double>(columns.size()));
    std::vector<float> scale;
    for (double column : columns)
        scale.push_back(static_cast<float>(mean / column));
    return scale;
}

/// Σ (Q(W diag s) / s − W)².
double squaredWeightError(const SiteReader &reader, const std::vector<float> &scale,
                          const TransformServices &services) {
    const std::vector<float> weights = scaledWeights(reader, scale);
    std::vector<float> rounded(weights.size());
    services.quantize(0, weights, rounded);
    double sum = 0;
    for (std::size_t index = 0; index < weights.size(); ++index) {
        const double error = (static_cast<double>(rounded[index]) - weights[index]) /
                             scale[index % static_cast<std::size_t>(reader.weights.cols)];
        sum += error * error;
    }
    return sum;
}

} // namespace

PluginMethodInfo DualColumnScale::info() {
    PluginMethodInfo info;
    info.id = "d2quant-column-scale";
    info.name = "D2Quant column scale";
    info.summary =
        "Fits scales of rows and columns of a 2 or 3 bit weight together and hands those of the columns "
        "to the layer before, as in the down projection of gated MLPs.";
    info.paper = "D2Quant, dual-scale quantizer";
    info.tags = "transform,grid,equalization,weight-only,data-free,low-bit";
    info.parameters = kParameters;
    info.kinds = QS_TRANSFORM_SCALES;
    info.status = QS_PAPER_FORMULA;
    info.cost = "rounds 2^bits m d; 4 m d bytes";
    return info;
}

std::string DualColumnScale::refusal(const qs_transform_request &request) {
    if (request.producer != QS_PRODUCER_LAYER)
        return "no layer before this tensor can take the column scales";
    if (request.consumer_count != 1)
        return "several layers read this tensor; the column scales fit one";
    const qs_site_consumer &layer = request.consumers[0];
    if (layer.taps != 1 || layer.depthwise != 0)
        return fmt::format("'{}' is a convolution with a kernel; the method takes linear layers",
                           layer.layer_name);
    if (layer.bits != 2 && layer.bits != 3)
        return fmt::format("the fit is made for weights of 2 or 3 bits; '{}' has {}", layer.layer_name,
                           layer.bits == 0 ? "none" : std::to_string(layer.bits));
    return {};
}

void DualColumnScale::transform(const TransformCall &call) {
    const SiteData site = siteOf(call.request());
    const auto parameters = parametersOf(call.request());
    const TransformServices services = transformServicesOf(call, "D2Quant");
    const SiteReader &reader = site.readers[0];
    DualScaleOptions options;
    options.bits = reader.bits;
    options.groupSize = reader.groupSize;
    options.iterations = parameters.at("iterations");
    const DualScaleFit fit = valueOrThrow(call, fitDualScales(reader.weights, options, services));
    ChannelChange change = ChannelChange::none(site.channels);
    const double before = squaredWeightError(reader, change.scale, services);
    change.scale = scaleOf(fit.columns);
    const double after = squaredWeightError(reader, change.scale, services);
    const bool dropped = after >= before && parameters.at("keep_best");
    call.log(
        QS_LOG_INFO,
        fmt::format("D2Quant: squared error of the rounded weight {:.4g}, {:.4g} without column scales{}",
                    after, before, dropped ? "; left as it is" : ""));
    if (!dropped)
        store(call, change);
}

} // namespace qs
