#include "core/analysis/layer_measure.h"

#include "core/base/number_text.h"
#include "core/quant/token_grid.h"
#include "core/tensor/convert.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace qs {

std::optional<RangeBound> activationRangeBound(const LayerCapture &capture, const QuantizedLayer &quantized) {
    if (!quantized.activation || !quantized.activationScheme)
        return {};
    const GridScheme &scheme = *quantized.activationScheme;
    const ScaleZero grid = activationGrid(capture, scheme);
    if (grid.scale != quantized.activation->scale || grid.zeroPoint != quantized.activation->zeroPoint)
        return {};
    return percentileBound(capture.histogram, capture.stats.min, capture.stats.max, scheme);
}

std::string rangeBoundText(const RangeBound &bound) {
    const auto between = [](ValueRange end) {
        return fmt::format("from {} to {}", significant(end.lo, 6), significant(end.hi, 6));
    };
    return fmt::format("that of the values themselves lies {} and {}", between(bound.low),
                       between(bound.high));
}

Tensor fakeQuantize(const Tensor &values, ScaleZero grid, const GridScheme &scheme) {
    // Float arithmetic on purpose: QuantizeLinear of ONNX divides and rounds in float32, and the exported
    // model must take the same side of every tie.
    const CodeRange range = codeRange(scheme.bits, scheme.convention);
    const auto zero = static_cast<float>(grid.zeroPoint);
    const auto lowest = static_cast<float>(range.lowest), highest = static_cast<float>(range.highest);
    Tensor result = Tensor::allocate(DType::Float32, values.shape());
    const float *src = values.values<float>().data();
    float *dst = result.mutableValues<float>().data();
    const std::int64_t count = values.numel();
    for (std::int64_t i = 0; i < count; ++i) {
        const auto rounded = static_cast<float>(scheme.rounding == RoundingMode::HalfEven
                                                    ? std::nearbyint(src[i] / grid.scale)
                                                    : roundTo(src[i] / grid.scale, scheme.rounding));
        dst[i] = (std::clamp(rounded + zero, lowest, highest) - zero) * grid.scale;
    }
    return result;
}

Tensor quantizedActivation(const Tensor &values, const QuantizedLayer &quantized, bool channelsFirst) {
    const GridScheme &scheme = *quantized.activationScheme;
    if (quantized.activationScale == ActivationScale::Static)
        return fakeQuantize(values, *quantized.activation, scheme);
    if (quantized.activationScale == ActivationScale::Region)
        return regionQuantize(values, *quantized.activationRegion, scheme.bits, scheme.rounding);
    const double alpha =
        quantized.activationScale == ActivationScale::Token ? 1.0 : quantized.activationAlpha;
    return crossQuantize(values, alpha, scheme, channelsFirst);
}

namespace {

NodeAddition additionOf(const Layer &layer, const QuantizedLayer &quantized) {
    NodeAddition addition;
    addition.channelsFirst = layer.kind == LayerKind::Conv;
    if (!quantized.outputOffset.empty())
        addition.offset = Tensor::fromValues<float>(
            Shape{static_cast<std::int64_t>(quantized.outputOffset.size())}, quantized.outputOffset);
    if (quantized.weight && quantized.weight->branch && quantized.quantizesActivation()) {
        addition.weight = toStoredLayout(layer, quantized.weight->branch->product());
        addition.weightIndex = layer.weightIndex;
        addition.biasIndex = layer.biasIndex;
    }
    return addition;
}

} // namespace

Result<PassOptions> substitutions(const Model &model, std::span<const QuantizedLayer> layers) {
    PassOptions options;
    for (const QuantizedLayer &quantized : layers) {
        const Layer &layer = model.layers[static_cast<std::size_t>(quantized.layer)];
        NodeAddition addition = additionOf(layer, quantized);
        if (quantized.weight) {
            const DType stored = model.graph.constant(layer.weight)->dtype();
            const Tensor values = addition.weight.empty() ? quantized.weight->dequantize()
                                                          : quantized.weight->dequantizeWithoutBranch();
            QS_TRY(Tensor weight, castTensor(toStoredLayout(layer, values), stored));
            options.weights[{layer.node, layer.weightIndex}] = std::move(weight);
        }
        if (!addition.weight.empty() || !addition.offset.empty())
            options.additions[layer.node] = std::move(addition);
        if (quantized.quantizesActivation())
            options.activations[{layer.node, layer.inputIndex}] =
                [quantized,
                 channelsFirst = layer.kind == LayerKind::Conv](const Tensor &value) -> Result<Tensor> {
                QS_TRY(const Tensor values, toFloat32(value));
                return castTensor(quantizedActivation(values, quantized, channelsFirst), value.dtype());
            };
    }
    return options;
}

} // namespace qs
