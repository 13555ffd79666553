#include "plugins/transform/affine_quant.h"

#include "plugins/transform/affine_solver.h"
#include "plugins/transform/site_request.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "epochs": {
      "type": "integer", "title": "Epochs", "default": 20, "minimum": 2, "maximum": 100,
      "description": "The mask of the matrix grows from its diagonal to all of it over the epochs."},
    "steps_per_epoch": {
      "type": "integer", "title": "Steps of an epoch", "default": 3, "minimum": 1, "maximum": 200,
      "description": "Steps of Adam on the error of the readers."},
    "stability": {
      "type": "number", "title": "Stability factor", "default": 0.01, "minimum": 1e-4, "maximum": 1,
      "description": "Multiplies everything off the diagonal: small values keep the matrix easy to invert."},
    "learning_rate": {
      "type": "number", "title": "Learning rate", "default": 0.005, "minimum": 1e-5, "maximum": 0.1,
      "description": "Of Adam."},
    "alpha": {
      "type": "number", "title": "Alpha", "default": 0.5, "minimum": 0, "maximum": 1,
      "description": "Of the SmoothQuant scale that the diagonal starts from."}
  }
})";

} // namespace

PluginMethodInfo AffineQuant::info() {
    PluginMethodInfo info;
    info.id = "affinequant";
    info.name = "AffineQuant (layer by layer)";
    info.summary =
        "Learns a full matrix between a tensor and the weights that read it. The paper learns on whole "
        "blocks with rounded activations; here each tensor is learned alone on the outputs of its "
        "readers, and its inverse stays as a product at run time.";
    info.paper = "Ma et al. 2024, arXiv:2403.12544";
    info.tags = "transform,optimisation,weight-only,rotation";
    info.parameters = kParameters;
    info.needs = QS_NEEDS_INPUTS | QS_NEEDS_HESSIAN;
    info.kinds = QS_TRANSFORM_ROTATES;
    info.status = QS_EXPERIMENTAL;
    info.cost = "epochs steps (d^3 + 4 m d^2), and d^2 a token at run time; 8 d^2 doubles";
    return info;
}

std::string AffineQuant::refusal(const qs_transform_request &request) {
    bool quantized = false;
    for (std::int64_t index = 0; index < request.consumer_count; ++index) {
        const qs_site_consumer &layer = request.consumers[index];
        if (layer.taps != 1 || layer.depthwise != 0)
            return fmt::format("'{}' is a convolution with a kernel; the method takes linear layers",
                               layer.layer_name);
        quantized = quantized || layer.bits > 0;
    }
    return quantized ? "" : "no layer that reads this tensor is quantized; there is no error to lower";
}

void AffineQuant::transform(const TransformCall &call) {
    const SiteData site = siteOf(call.request());
    if (!site.hessian.data)
        throw PluginError(QS_NOT_FOUND,
                          "the Hessian is not available; run calibration for this tensor first");
    const auto parameters = parametersOf(call.request());
    AffineOptions options;
    options.epochs = parameters.at("epochs");
    options.stepsPerEpoch = parameters.at("steps_per_epoch");
    options.stability = parameters.at("stability");
    options.learningRate = parameters.at("learning_rate");
    options.alpha = parameters.at("alpha");
    const AffineResult result =
        valueOrThrow(call, learnAffine(site, options, transformServicesOf(call, "AffineQuant")));
    call.log(QS_LOG_INFO,
             fmt::format("AffineQuant: mean squared error of the outputs {:.3g}, {:.3g} with the diagonal "
                         "start, {:.3g} without "
                         "the transform; least diagonal dominance {:.2g}",
                         result.error, result.startError, result.unchangedError, result.dominance));
    std::copy(result.inverse.data(), result.inverse.data() + result.inverse.size(), call.result().matrix);
}

} // namespace qs
