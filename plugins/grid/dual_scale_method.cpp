#include "plugins/grid/dual_scale_method.h"

#include "plugins/grid/dual_scale_levels.h"
#include "plugins/support/method_call.h"

#include <fmt/format.h>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "iterations": {
      "type": "integer", "title": "Iterations", "default": 15, "minimum": 1, "maximum": 50,
      "description": "Rounds in which scales and signs are fitted in turn."}
  }
})";

constexpr const char *kFeedbackParameters = R"({
  "type": "object",
  "properties": {
    "iterations": {
      "type": "integer", "title": "Iterations", "default": 15, "minimum": 1, "maximum": 50,
      "description": "Rounds in which scales and signs are fitted in turn."},
    "damping": {
      "type": "number", "title": "Damping", "default": 0.01, "minimum": 1e-6, "maximum": 1e4,
      "description": "Share of the mean diagonal of the Hessian that is added to its diagonal."}
  }
})";

DualScaleGrid gridOf(const PluginCall &call) {
    return {call.request().bits, parametersOf(call.request()).at("iterations"),
            call.request().scale_as_float16 != 0};
}

void store(const PluginCall &call, const DualScaleCodes &found) {
    const qs_quantize_request &request = call.request();
    qs_quantize_result &result = call.result();
    for (std::size_t slice = 0; slice < found.slices.size(); ++slice) {
        const DualScaleLevels &levels = found.slices[slice];
        result.scales[slice] = levels.scale;
        std::copy_n(levels.levels.begin(), std::size_t{1} << request.bits,
                    result.levels + (slice << request.bits));
    }
    std::transform(found.codes.begin(), found.codes.end(), result.codes,
                   [&](std::int16_t code) { return static_cast<std::int16_t>(code + request.lowest_code); });
    result.scale_bits = request.bits * (request.scale_as_float16 ? 16 : 32);
    result.zero_point_bits = 0;
}

} // namespace

PluginMethodInfo DualScale::info() {
    PluginMethodInfo info;
    info.id = "d2quant-dsq";
    info.name = "D2Quant dual scale";
    info.summary = "Levels that are sums of 2 (at 2 bit) or 3 (at 3 bit) scales with signs, fitted to each "
                   "slice. The column scales of the method are a transform of its own; the range rule of the "
                   "recipe is not used.";
    info.paper = "D2Quant, dual-scale quantizer";
    info.tags = "grid,codebook,optimisation,weight-only,data-free";
    info.parameters = kParameters;
    info.status = QS_PAPER_FORMULA;
    info.cost = "15 (2^b + 4) m d; 2^b levels a slice";
    info.stores = QS_STORES_SLICE_LEVELS;
    return info;
}

std::string DualScale::refusal(const qs_quantize_request &request) {
    if (request.bits != 2 && request.bits != 3)
        return fmt::format("makes levels of 2 or 3 bits; got {}", request.bits);
    return refuseMissingCodes(request);
}

void DualScale::quantize(const PluginCall &call) {
    store(call, valueOrThrow(call, quantizeDualScales(weightsOf(call), slicesOf(call.request()), gridOf(call),
                                                      servicesOf(call, "D2Quant dual scale"))));
}

PluginMethodInfo DualScaleFeedback::info() {
    PluginMethodInfo info = DualScale::info();
    info.id = "d2quant-dsq-gptq";
    info.name = "D2Quant dual scale in GPTQ";
    info.summary = "Dual-scale levels that are fitted group by group while columns are rounded in order and "
                   "errors are fed to the columns that follow. Without the authors' asymmetric calibration "
                   "and rotation.";
    info.tags = "grid,rounding,codebook,compensation,weight-only,hessian";
    info.parameters = kFeedbackParameters;
    info.needs = QS_NEEDS_HESSIAN;
    info.cost = "d^3/3 + m d^2 + 15 (2^b + 4) m d; d^2 doubles";
    return info;
}

std::string DualScaleFeedback::refusal(const qs_quantize_request &request) {
    if (request.granularity == QS_PER_TENSOR)
        return "fits levels while it goes through the columns; choose per channel or per group";
    return DualScale::refusal(request);
}

void DualScaleFeedback::quantize(const PluginCall &call) {
    const double damping = parametersOf(call.request()).at("damping");
    store(call, valueOrThrow(call, roundDualScalesWithFeedback(weightsOf(call), slicesOf(call.request()),
                                                               hessianOf(call), damping, gridOf(call),
                                                               servicesOf(call, "D2Quant dual scale"))));
}

} // namespace qs
