#include "plugins/grid/hqq.h"

#include "plugins/grid/hqq_fit.h"
#include "plugins/support/method_call.h"
#include "plugins/support/run_blocks.h"

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "norm": {
      "type": "number", "title": "Norm of the error", "default": 0.7, "minimum": 0.1, "maximum": 1.0,
      "description": "Exponent p of |w - v|^p. Below 1 few large errors are accepted for many small ones."},
    "beta": {
      "type": "number", "title": "Split weight", "default": 10.0, "minimum": 1e-3, "maximum": 1e6,
      "description": "How strongly the shrunken error is tied to the error, in the unit of the weights."},
    "beta_growth": {
      "type": "number", "title": "Growth of the split weight", "default": 1.01, "minimum": 1.0, "maximum": 2.0,
      "description": "Factor of the split weight from one iteration to the next."},
    "iterations": {
      "type": "integer", "title": "Iterations", "default": 20, "minimum": 1, "maximum": 200,
      "description": "At most; a slice ends when its error rises."},
    "early_stop": {
      "type": "string", "enum": ["slice", "layer"], "title": "Early stop", "default": "slice",
      "description": "slice: every scale ends on its own. layer: all end when the mean error of the layer rises, as in the authors' code."}
  }
})";

HqqOptions optionsOf(const PluginCall &call) {
    const qs_quantize_request &request = call.request();
    const auto json = parametersOf(call.request());
    HqqOptions options;
    options.range = {request.lowest_code, request.highest_code};
    options.rounding = roundingOf(request);
    options.norm = json.at("norm");
    options.beta = json.at("beta");
    options.betaGrowth = json.at("beta_growth");
    options.iterations = json.at("iterations");
    options.stopTogether = json.at("early_stop") == "layer";
    options.float16 = request.scale_as_float16 != 0;
    return options;
}

} // namespace

PluginMethodInfo Hqq::info() {
    PluginMethodInfo info;
    info.id = "hqq";
    info.name = "HQQ";
    info.summary = "Moves a real zero point until many errors are small at the price of a few large ones; "
                   "needs no data. Groups lie along the inputs of a layer (the authors' axis 1).";
    info.paper = "Badri and Shaji 2023, Half-Quadratic Quantization (mobiusml.github.io/hqq_blog)";
    info.tags = "grid,optimisation,weight-only,data-free";
    info.parameters = kParameters;
    info.status = QS_REFERENCE_CHECKED;
    info.cost = "20 m d; 2 numbers a slice";
    info.stores = QS_STORES_REAL_ZERO_POINTS;
    return info;
}

std::string Hqq::refusal(const qs_quantize_request &request) {
    if (request.convention != QS_ASYMMETRIC)
        return "fits a zero point, which symmetric conventions do not have; choose asymmetric";
    return {};
}

void Hqq::quantize(const PluginCall &call) {
    const MatrixView<const float> weights = weightsOf(call);
    const Slices slices = slicesOf(call.request());
    const HqqOptions options = optionsOf(call);
    const SolverServices services = servicesOf(call, "HQQ");
    const HqqFit fit = valueOrThrow(
        call, fitHqq({weights.data, static_cast<std::size_t>(weights.size())}, slices, options, services));
    qs_quantize_result &result = call.result();
    std::copy(fit.scales.begin(), fit.scales.end(), result.scales);
    std::copy(fit.zeroPoints.begin(), fit.zeroPoints.end(), result.real_zero_points);
    result.zero_point_bits = options.float16 ? 16 : 32;
    const Status coded = forSliceParts(slices, services, [&](auto slice, auto begin, auto end) {
        const auto i = static_cast<std::size_t>(slice);
        for (auto k = begin; k < end; ++k)
            result.codes[k] = static_cast<std::int16_t>(
                hqqCode(weights.data[k], fit.scales[i], fit.zeroPoints[i], options));
    });
    if (!coded)
        throw PluginError(QS_CANCELLED, "cancelled");
}

} // namespace qs
