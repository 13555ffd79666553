#include "plugins/transform/cross_quant.h"

#include "plugins/transform/site_request.h"
#include "plugins/transform/smooth_scale.h"

#include <nlohmann/json.hpp>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "alpha": {
      "type": "number", "title": "Alpha", "default": 0.15, "minimum": 0, "maximum": 1,
      "description": "1 leaves the site as it is (one scale a token); 0 gives every channel the magnitude 1 (one scale a channel)."},
    "insert_operators": {
      "type": "boolean", "title": "Also by operators", "default": false,
      "description": "Also changes tensors that no norm or layer before them can divide, by an operator at run time."}
  }
})";

} // namespace

PluginMethodInfo CrossQuant::info() {
    PluginMethodInfo info;
    info.id = "crossquant";
    info.name = "CrossQuant (static part)";
    info.summary =
        "Divides channel j by c_j^(1 - alpha), c_j its largest magnitude in calibration, so that fewer "
        "activations round to 0. It costs nothing at run time; the scale per token of the paper is not "
        "part of it. The activation scale 'cross' of a recipe does both, from the batch at hand.";
    info.paper = "Liu et al. 2024, arXiv:2410.07505";
    info.tags = "transform,equalization,activation,weight-activation,outliers";
    info.parameters = kParameters;
    info.needs = QS_NEEDS_INPUTS;
    info.kinds = QS_TRANSFORM_SCALES;
    info.status = QS_PAPER_FORMULA;
    info.cost = "n d; d floats";
    return info;
}

std::string CrossQuant::refusal(const qs_transform_request &request) {
    return operatorRefusal(request);
}

void CrossQuant::transform(const TransformCall &call) {
    const SiteData site = siteOf(call.request());
    ChannelChange change = ChannelChange::none(site.channels);
    change.scale = crossQuantScale(inputMagnitude(site), parametersOf(call.request()).at("alpha"));
    store(call, change);
}

} // namespace qs
