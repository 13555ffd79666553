#include "plugins/transform/smooth_quant.h"

#include "plugins/transform/site_request.h"
#include "plugins/transform/smooth_scale.h"

#include <nlohmann/json.hpp>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "alpha": {
      "type": "number", "title": "Alpha", "default": 0.5, "minimum": 0, "maximum": 1,
      "description": "How much of the outliers goes into the weights: 0 none, 0.5 makes the largest activation and the largest weight of every channel equal, 1 all. Large language models often like 0.7 to 0.9."},
    "search": {
      "type": "boolean", "title": "Search alpha", "default": false,
      "description": "Tries alphas at every site and keeps the one with the least error of the outputs, or none. Convolutions with a kernel keep the alpha above: calibration does not keep what they need."},
    "search_steps": {
      "type": "integer", "title": "Steps of the search", "default": 20, "minimum": 2, "maximum": 100,
      "description": "Alphas tried are k / steps, with k from 0 to steps."},
    "insert_operators": {
      "type": "boolean", "title": "Also by operators", "default": false,
      "description": "Also changes tensors that no norm or layer before them can divide, by an operator at run time."}
  }
})";

} // namespace

PluginMethodInfo SmoothQuant::info() {
    PluginMethodInfo info;
    info.id = "smoothquant";
    info.name = "SmoothQuant";
    info.summary = "Divides outlier channels of activations by a factor and multiplies the weights that read "
                   "them by it, so that both fit a coarse grid.";
    info.paper = "Xiao et al. 2022, arXiv:2211.10438";
    info.tags = "transform,equalization,weight-activation,activation,outliers";
    info.parameters = kParameters;
    info.needs = QS_NEEDS_INPUTS;
    info.kinds = QS_TRANSFORM_SCALES;
    info.status = QS_REFERENCE_CHECKED;
    info.cost = "n d + m d; with the search (steps + 2) (n m d + m d); d floats";
    return info;
}

std::string SmoothQuant::refusal(const qs_transform_request &request) {
    return operatorRefusal(request);
}

void SmoothQuant::transform(const TransformCall &call) {
    const SiteData site = siteOf(call.request());
    const auto parameters = parametersOf(call.request());
    const std::vector<float> inputs = inputMagnitude(site), weights = weightMagnitude(site);
    auto change = [&](double alpha) {
        ChannelChange result = ChannelChange::none(site.channels);
        result.scale = smoothScale(inputs, weights, alpha);
        return result;
    };
    if (parameters.at("search") && knowsOutputs(site))
        store(call, bestRatio(call, "SmoothQuant", site, parameters.at("search_steps"), change));
    else
        store(call, change(parameters.at("alpha")));
}

} // namespace qs
