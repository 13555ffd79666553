#include "plugins/transform/outlier_scale.h"

#include "plugins/transform/site_request.h"
#include "plugins/transform/smooth_scale.h"

#include <nlohmann/json.hpp>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "variance_weight": {
      "type": "number", "title": "Weight of the variance", "default": 1, "minimum": 0, "maximum": 1000,
      "description": "Of the candidates that stay, against the gap to the outliers, where the candidates above Q3 + 1.5 IQR are split."},
    "insert_operators": {
      "type": "boolean", "title": "Also by operators", "default": false,
      "description": "Also changes tensors that no norm or layer before them can divide, by an operator at run time."}
  }
})";

} // namespace

PluginMethodInfo OutlierScale::info() {
    PluginMethodInfo info;
    info.id = "cbq-cfp";
    info.name = "CBQ preprocessing of activations";
    info.summary =
        "Finds outlier channels coarse to fine (quartiles, then the largest gap) and divides them alone by "
        "the root of how far they stand out; the weights that read them are multiplied. The root is "
        "from a summary of the paper.";
    info.paper = "CBQ, Ding et al. 2023, arXiv:2312.07950";
    info.tags = "transform,equalization,weight-activation,activation,outliers";
    info.parameters = kParameters;
    info.needs = QS_NEEDS_INPUTS;
    info.kinds = QS_TRANSFORM_SCALES;
    info.status = QS_PAPER_FORMULA;
    info.cost = "n d + d log d; d floats";
    return info;
}

std::string OutlierScale::refusal(const qs_transform_request &request) {
    return operatorRefusal(request);
}

void OutlierScale::transform(const TransformCall &call) {
    const SiteData site = siteOf(call.request());
    const auto parameters = nlohmann::json::parse(call.request().parameters);
    ChannelChange change = ChannelChange::none(site.channels);
    change.scale = outlierScale(inputMagnitude(site), parameters.at("variance_weight"));
    store(call, change);
}

} // namespace qs
