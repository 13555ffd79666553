#include "plugins/transform/repq_vit.h"

#include "plugins/transform/norm_reparameterization.h"
#include "plugins/transform/site_request.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace qs {
namespace {

constexpr const char *kDualClippingParameters = R"({
  "type": "object",
  "properties": {
    "lowest_factor": {
      "type": "number", "title": "Lowest factor", "default": 0.5, "minimum": 0.3, "maximum": 0.95,
      "description": "How far either end of a channel may move inwards, as a share of it."},
    "factor_steps": {
      "type": "integer", "title": "Steps", "default": 26, "minimum": 2, "maximum": 51,
      "description": "Factors tried for each of the two ends."}
  }
})";

std::string refusalOf(const qs_transform_request &request) {
    if (request.producer != QS_PRODUCER_NORM || request.can_shift == 0)
        return "the tensor does not come from a LayerNorm with gain and bias";
    const SiteData site = siteOf(request);
    if (site.activationBits() == 0)
        return "the activation stays in float; there are no grids to join";
    if (site.activationConvention != GridConvention::Asymmetric)
        return "the method needs asymmetric activations: it gives channels zero points of their own";
    return {};
}

void reparameterize(const TransformCall &call, ReparameterizationOptions options) {
    const SiteData site = siteOf(call.request());
    if (site.inputs.rows == 0)
        throw PluginError(QS_NOT_FOUND, "inputs are not available; run calibration for this tensor first");
    options.bits = site.activationBits();
    const Reparameterization result =
        valueOrThrow(call, reparameterizeNorm(site, options, transformServicesOf(call, "RepQ")));
    const std::int64_t differing = differingCodes(site, result, options.bits);
    call.log(QS_LOG_INFO, fmt::format("RepQ: one grid gives the codes of {} grids; {} of {} codes differ",
                                      site.channels, differing, site.inputs.size()));
    if (result.flooredChannels > 0)
        call.log(QS_LOG_INFO,
                 fmt::format("RepQ: {} channels hardly move; their step was raised to 1/1000 of the mean",
                             result.flooredChannels));
    store(call, result.change);
    call.result().activation_low = static_cast<float>(-result.zeroPoint * result.step);
    call.result().activation_high =
        static_cast<float>(((1 << options.bits) - 1 - result.zeroPoint) * result.step);
}

} // namespace

PluginMethodInfo RepqVit::info() {
    PluginMethodInfo info;
    info.id = "repq-vit";
    info.name = "RepQ-ViT (LayerNorm part)";
    info.summary =
        "Fits a grid to every channel of a LayerNorm's output and folds the differences into gain, bias "
        "and weights, so that one grid gives the same codes. The part for softmax is a number format, "
        "not a transform.";
    info.paper = "Li et al. 2022, arXiv:2212.08254";
    info.tags = "transform,equalization,activation,weight-activation,vision";
    info.needs = QS_NEEDS_INPUTS;
    info.kinds = QS_TRANSFORM_SCALES | QS_TRANSFORM_SHIFTS;
    info.status = QS_REFERENCE_CHECKED;
    info.cost = "n d log n; n + 4 d floats";
    return info;
}

std::string RepqVit::refusal(const qs_transform_request &request) {
    return refusalOf(request);
}

void RepqVit::transform(const TransformCall &call) {
    reparameterize(call, ReparameterizationOptions{});
}

PluginMethodInfo RepQuant::info() {
    PluginMethodInfo info = RepqVit::info();
    info.id = "repquant";
    info.name = "RepQuant (dual clipping)";
    info.summary =
        "RepQ-ViT with both ends of every channel clipped apart. The factors are searched for the least "
        "squared error of the channel, where the paper learns them; its reconstruction of weights is not "
        "part of it.";
    info.paper = "Li et al. 2024, arXiv:2402.05628";
    info.tags = "transform,equalization,search,activation,weight-activation,vision";
    info.parameters = kDualClippingParameters;
    info.status = QS_EXPERIMENTAL;
    info.cost = "steps^2 n d; n + 4 d floats";
    return info;
}

std::string RepQuant::refusal(const qs_transform_request &request) {
    return refusalOf(request);
}

void RepQuant::transform(const TransformCall &call) {
    const auto parameters = parametersOf(call.request());
    ReparameterizationOptions options;
    options.dualClipping = true;
    options.lowestFactor = parameters.at("lowest_factor");
    options.factorSteps = parameters.at("factor_steps");
    reparameterize(call, options);
}

} // namespace qs
