#include "plugins/transform/awq.h"

#include "plugins/transform/site_request.h"
#include "plugins/transform/smooth_scale.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "grid": {
      "type": "integer", "title": "Ratios", "default": 20, "minimum": 5, "maximum": 100,
      "description": "Ratios tried are k / grid, with k from 0 to grid - 1. 0 leaves the site as it is."},
    "insert_operators": {
      "type": "boolean", "title": "Also by operators", "default": true,
      "description": "Also changes tensors that no norm or layer before them can divide, by an operator at run time."}
  }
})";

} // namespace

PluginMethodInfo Awq::info() {
    PluginMethodInfo info;
    info.id = "awq";
    info.name = "AWQ (scale search)";
    info.summary = "Scales up the weights of input channels that carry large activations, by the power of "
                   "their mean magnitude that rounds with the least error. The error is that of the layers "
                   "that read the tensor, not of the module around them as in the authors' code.";
    info.paper = "Lin et al. 2023, arXiv:2306.00978";
    info.tags = "transform,salience,search,weight-only,outliers";
    info.parameters = kParameters;
    info.needs = QS_NEEDS_INPUTS | QS_NEEDS_HESSIAN;
    info.kinds = QS_TRANSFORM_SCALES;
    info.status = QS_REFERENCE_CHECKED;
    info.cost = "grid (m d^2 + m d); 2 m d floats";
    return info;
}

std::string Awq::refusal(const qs_transform_request &request) {
    for (std::int64_t index = 0; index < request.consumer_count; ++index)
        if (request.consumers[index].taps != 1 || request.consumers[index].depthwise != 0)
            return fmt::format("'{}' is a convolution with a kernel; the search needs linear layers",
                               request.consumers[index].layer_name);
    return operatorRefusal(request);
}

void Awq::transform(const TransformCall &call) {
    const SiteData site = siteOf(call.request());
    if (!site.hessian.data)
        throw PluginError(QS_NOT_FOUND,
                          "the Hessian is not available; run calibration for this tensor first");
    const int grid = parametersOf(call.request()).at("grid");
    std::vector<double> ratios;
    for (int step = 1; step < grid; ++step)
        ratios.push_back(static_cast<double>(step) / grid);
    const TransformServices services = transformServicesOf(call, "AWQ");
    const ChangeSearch search = valueOrThrow(
        call,
        searchChange(
            site.channels, ratios,
            [&](double ratio) {
                ChannelChange change = ChannelChange::none(site.channels);
                change.scale = activationAwareScale(site.meanMagnitude, ratio);
                return change;
            },
            [&](const ChannelChange &change) { return weightOutputError(site, change.scale, services); },
            services));
    call.log(QS_LOG_INFO,
             fmt::format(
                 "AWQ: ratio {:.2f}; mean squared error of the outputs {:.3g}, {:.3g} without the transform",
                 search.ratio.value_or(0), search.error, search.unchangedError));
    store(call, search.change);
}

} // namespace qs
