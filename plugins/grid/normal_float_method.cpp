#include "plugins/grid/normal_float_method.h"

#include "plugins/grid/normal_float.h"
#include "plugins/support/method_call.h"

#include <fmt/format.h>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "double_quantization": {
      "type": "boolean", "title": "Quantize the scales", "default": false,
      "description": "Stores each scale as a code above the smallest scale of the layer."},
    "scale_bits": {
      "type": "integer", "title": "Bits of a scale", "default": 8, "minimum": 2, "maximum": 8,
      "description": "Width of the code of a scale. Only together with double_quantization."},
    "scale_block": {
      "type": "integer", "title": "Scales that share a step", "default": 256, "minimum": 1, "maximum": 65536,
      "description": "Slices whose scales share one float32 step. Only together with double_quantization."}
  }
})";

} // namespace

PluginMethodInfo NormalFloat::info() {
    PluginMethodInfo info;
    info.id = "nf";
    info.name = "NormalFloat";
    info.summary =
        "Levels at the quantiles of a normal distribution, scaled by the largest magnitude of each "
        "slice: NF4, NF3, NF2. The range rule of the recipe is not used.";
    info.paper = "Dettmers et al. 2023, QLoRA, arXiv:2305.14314; Guo et al. 2023, LQ-LoRA, arXiv:2311.12023";
    info.tags = "grid,codebook,weight-only,data-free";
    info.parameters = kParameters;
    info.status = QS_REFERENCE_CHECKED;
    info.cost = "b m d; 1 scale a slice";
    info.stores = QS_STORES_LEVELS;
    return info;
}

std::string NormalFloat::refusal(const qs_quantize_request &request) {
    if (request.bits > 8)
        return fmt::format("makes codebooks of 2 to 8 bits; got {}", request.bits);
    const auto json = parametersOf(request);
    if (json.at("double_quantization") && request.scale_as_float16)
        return "scales that are codes are not float16 values; switch off one of double_quantization and "
               "float16 scales";
    return refuseMissingCodes(request);
}

void NormalFloat::quantize(const PluginCall &call) {
    const qs_quantize_request &request = call.request();
    const auto json = parametersOf(call.request());
    const MatrixView<const float> weights = weightsOf(call);
    NormalFloatOptions options;
    options.bits = request.bits;
    options.float16Scales = request.scale_as_float16 != 0;
    options.doubleQuantization = json.at("double_quantization");
    options.scaleBits = json.at("scale_bits");
    options.scaleBlock = json.at("scale_block");
    const NormalFloatResult found =
        valueOrThrow(call, quantizeNormalFloat({weights.data, static_cast<std::size_t>(weights.size())},
                                               slicesOf(request), options, servicesOf(call, "NormalFloat")));
    qs_quantize_result &result = call.result();
    std::copy(found.scales.begin(), found.scales.end(), result.scales);
    std::transform(found.codes.begin(), found.codes.end(), result.codes,
                   [&](std::int16_t code) { return static_cast<std::int16_t>(code + request.lowest_code); });
    const std::vector<float> levels = normalFloatLevels(request.bits);
    std::copy(levels.begin(), levels.end(), result.levels);
    result.scale_bits = found.scaleBits;
    result.zero_point_bits = 0;
}

} // namespace qs
