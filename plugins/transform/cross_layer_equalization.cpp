#include "plugins/transform/cross_layer_equalization.h"

#include "plugins/transform/equalization_scale.h"
#include "plugins/transform/site_request.h"

#include <nlohmann/json.hpp>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "range": {
      "type": "string", "title": "Range of a channel", "enum": ["magnitude", "width"], "default": "magnitude",
      "description": "magnitude: largest absolute weight, for symmetric grids. width: largest minus smallest weight, for asymmetric ones."}
  }
})";

} // namespace

PluginMethodInfo CrossLayerEqualization::info() {
    PluginMethodInfo info;
    info.id = "cross-layer-equalization";
    info.name = "Cross-layer equalization";
    info.summary = "Gives every channel between two layers the same range in the weight before and in the "
                   "weight after it, so that one grid for a whole tensor fits; needs no data.";
    info.paper = "Nagel et al. 2019 (DFQ), arXiv:1906.04721";
    info.tags = "transform,equalization,weight-only,data-free,vision";
    info.parameters = kParameters;
    info.kinds = QS_TRANSFORM_SCALES | QS_TRANSFORM_REPEATS;
    info.status = QS_REFERENCE_CHECKED;
    info.cost = "m d for a pass over the model, at most 20 passes; d floats";
    return info;
}

std::string CrossLayerEqualization::refusal(const qs_transform_request &request) {
    if (request.producer != QS_PRODUCER_LAYER)
        return "no layer produces this tensor, directly or through ReLU; there are no two weights to "
               "equalize";
    return {};
}

void CrossLayerEqualization::transform(const TransformCall &call) {
    const qs_transform_request &request = call.request();
    if (!request.producer_weights)
        throw PluginError(QS_NOT_FOUND, "the weight of the layer that produces this tensor is missing");
    const SiteData site = siteOf(request);
    const bool symmetric = parametersOf(request).at("range") == "magnitude";
    ChannelChange change = ChannelChange::none(site.channels);
    change.scale = equalizationScale(
        site, {request.producer_weights, request.channels, request.producer_cols}, symmetric);
    store(call, change);
}

} // namespace qs
