#include "plugins/transform/omniquant_let.h"

#include "plugins/transform/affine_solver.h"
#include "plugins/transform/site_request.h"
#include "plugins/transform/smooth_scale.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "steps": {
      "type": "integer", "title": "Steps", "default": 100, "minimum": 1, "maximum": 2000,
      "description": "Steps of Adam on the error of the readers."},
    "learning_rate": {
      "type": "number", "title": "Learning rate", "default": 0.005, "minimum": 1e-5, "maximum": 0.1,
      "description": "Of Adam."},
    "alpha": {
      "type": "number", "title": "Alpha", "default": 0.5, "minimum": 0, "maximum": 1,
      "description": "Of the SmoothQuant scale to start from."},
    "shift": {
      "type": "boolean", "title": "Shift", "default": true,
      "description": "Takes the middle of every channel off, where something before the tensor can take it."},
    "insert_operators": {
      "type": "boolean", "title": "Also by operators", "default": false,
      "description": "Also changes tensors that no norm or layer before them can divide, by an operator at run time."}
  }
})";

} // namespace

PluginMethodInfo OmniquantLet::info() {
    PluginMethodInfo info;
    info.id = "omniquant-let";
    info.name = "OmniQuant LET (layer by layer)";
    info.summary =
        "Learns a scale per channel by gradient, starting from SmoothQuant. The paper learns on whole "
        "blocks with rounded activations; here each tensor is learned alone, on the outputs of its "
        "readers with rounded weights. The shift is the middle of the channel and is not learned.";
    info.paper = "Shao et al. 2023, arXiv:2308.13137";
    info.tags = "transform,optimisation,equalization,weight-only";
    info.parameters = kParameters;
    info.needs = QS_NEEDS_INPUTS | QS_NEEDS_HESSIAN;
    info.kinds = QS_TRANSFORM_SCALES | QS_TRANSFORM_SHIFTS;
    info.status = QS_EXPERIMENTAL;
    info.cost = "steps (d^3 + 4 m d^2); 8 d^2 doubles";
    return info;
}

std::string OmniquantLet::refusal(const qs_transform_request &request) {
    bool quantized = false;
    for (std::int64_t index = 0; index < request.consumer_count; ++index) {
        const qs_site_consumer &layer = request.consumers[index];
        if (layer.taps != 1 || layer.depthwise != 0)
            return fmt::format("'{}' is a convolution with a kernel; the method takes linear layers",
                               layer.layer_name);
        quantized = quantized || layer.bits > 0;
    }
    return quantized ? operatorRefusal(request)
                     : "no layer that reads this tensor is quantized; there is no error to lower";
}

void OmniquantLet::transform(const TransformCall &call) {
    const SiteData site = siteOf(call.request());
    if (!site.hessian.data)
        throw PluginError(QS_NOT_FOUND,
                          "the Hessian is not available; run calibration for this tensor first");
    const auto parameters = parametersOf(call.request());
    AffineOptions options;
    options.diagonalOnly = true;
    options.epochs = 1;
    options.stepsPerEpoch = parameters.at("steps");
    options.learningRate = parameters.at("learning_rate");
    options.alpha = parameters.at("alpha");
    const AffineResult result =
        valueOrThrow(call, learnAffine(site, options, transformServicesOf(call, "OmniQuant LET")));
    call.log(QS_LOG_INFO,
             fmt::format(
                 "OmniQuant LET: mean squared error of the outputs {:.3g}, {:.3g} with SmoothQuant's scale, "
                 "{:.3g} without the transform",
                 result.error, result.startError, result.unchangedError));
    ChannelChange change = ChannelChange::none(site.channels);
    for (std::int64_t channel = 0; channel < site.channels; ++channel)
        change.scale[static_cast<std::size_t>(channel)] =
            static_cast<float>(std::abs(result.matrix(channel, channel)));
    if (parameters.at("shift") && call.request().can_shift != 0)
        change.shift = centreShift(site.minimum, site.maximum);
    store(call, change);
}

} // namespace qs
