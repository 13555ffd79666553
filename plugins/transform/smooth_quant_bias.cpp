#include "plugins/transform/smooth_quant_bias.h"

#include "plugins/transform/site_request.h"
#include "plugins/transform/smooth_scale.h"

#include <nlohmann/json.hpp>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "search": {
      "type": "boolean", "title": "Search the ratio", "default": true,
      "description": "Tries ratios at every site and keeps the one with the least error of the outputs, or none. Convolutions with a kernel take the alpha below: calibration does not keep what they need."},
    "search_steps": {
      "type": "integer", "title": "Steps of the search", "default": 20, "minimum": 2, "maximum": 100,
      "description": "Ratios tried are k / steps, with k from 0 to steps."},
    "alpha": {
      "type": "number", "title": "Alpha", "default": 0.5, "minimum": 0, "maximum": 1,
      "description": "Without the search: how much of what is left after centring goes into the weights."},
    "insert_operators": {
      "type": "boolean", "title": "Also by operators", "default": false,
      "description": "Also changes tensors that no norm or layer before them can divide, by an operator at run time."}
  }
})";

} // namespace

PluginMethodInfo SmoothQuantBias::info() {
    PluginMethodInfo info;
    info.id = "smoothquant-bias";
    info.name = "SmoothQuant with bias (SQ-b)";
    info.summary =
        "Takes the middle of every channel off first, then smooths: outputs of LayerNorms in vision "
        "transformers are off-centre.";
    info.paper = "Tai and Wu 2024 (MPTQ-ViT), arXiv:2401.14895";
    info.tags = "transform,equalization,search,weight-activation,activation,vision";
    info.parameters = kParameters;
    info.needs = QS_NEEDS_INPUTS;
    info.kinds = QS_TRANSFORM_SCALES | QS_TRANSFORM_SHIFTS;
    info.status = QS_PAPER_FORMULA;
    info.cost = "(steps + 2) (n m d + m d); d floats";
    return info;
}

std::string SmoothQuantBias::refusal(const qs_transform_request &request) {
    if (request.can_shift == 0)
        return "nothing before this tensor can take a shift (a norm without bias, or an activation "
               "function); SmoothQuant needs none";
    return operatorRefusal(request);
}

void SmoothQuantBias::transform(const TransformCall &call) {
    const SiteData site = siteOf(call.request());
    const auto parameters = parametersOf(call.request());
    const std::vector<float> inputs = centredMagnitude(site.minimum, site.maximum);
    const std::vector<float> weights = weightMagnitude(site);
    auto change = [&](double alpha) {
        return ChannelChange{smoothScale(inputs, weights, alpha), centreShift(site.minimum, site.maximum)};
    };
    if (parameters.at("search") && knowsOutputs(site))
        store(call, bestRatio(call, "SQ-b", site, parameters.at("search_steps"), change));
    else
        store(call, change(parameters.at("alpha")));
}

} // namespace qs
