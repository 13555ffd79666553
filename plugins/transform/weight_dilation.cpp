#include "plugins/transform/weight_dilation.h"

#include "plugins/transform/dilation_scale.h"
#include "plugins/transform/site_request.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "cap": {
      "type": "number", "title": "Largest factor", "default": 8, "minimum": 1, "maximum": 64,
      "description": "Bound for channels whose weights are all small: activations divided by more would vanish in float16."},
    "insert_operators": {
      "type": "boolean", "title": "Also by operators", "default": false,
      "description": "Also changes tensors that no norm or layer before them can divide, by an operator at run time."}
  }
})";

} // namespace

PluginMethodInfo WeightDilation::info() {
    PluginMethodInfo info;
    info.id = "weight-dilation";
    info.name = "Weight dilation";
    info.summary = "Scales up input channels that hold no end of any row's range, so that activations shrink "
                   "and the grids of the weights stay the same.";
    info.paper = "Liu et al. 2024 (DilateQuant), arXiv:2409.14307";
    info.tags = "transform,equalization,weight-activation,activation,diffusion,data-free";
    info.parameters = kParameters;
    info.kinds = QS_TRANSFORM_SCALES;
    info.status = QS_PAPER_FORMULA;
    info.cost = "m d; d floats";
    return info;
}

std::string WeightDilation::refusal(const qs_transform_request &request) {
    return operatorRefusal(request);
}

void WeightDilation::transform(const TransformCall &call) {
    const SiteData site = siteOf(call.request());
    const DilationScale dilation = dilationScale(site, parametersOf(call.request()).at("cap"));
    call.log(QS_LOG_INFO,
             fmt::format("Weight dilation: {} of {} channels hold an end of a range and keep their scale",
                         dilation.saturated, site.channels));
    ChannelChange change = ChannelChange::none(site.channels);
    change.scale = dilation.scale;
    store(call, change);
}

} // namespace qs
