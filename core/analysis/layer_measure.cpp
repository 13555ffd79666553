#include "core/analysis/layer_measure.h"

#include "core/tensor/convert.h"

#include <algorithm>
#include <cmath>

namespace qs {

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

Result<PassOptions> substitutions(const Model &model, std::span<const QuantizedLayer> layers) {
    PassOptions options;
    for (const QuantizedLayer &quantized : layers) {
        const Layer &layer = model.layers[static_cast<std::size_t>(quantized.layer)];
        if (quantized.weight) {
            const DType stored = model.graph.constant(layer.weight)->dtype();
            QS_TRY(Tensor weight, castTensor(toStoredLayout(layer, quantized.weight->dequantize()), stored));
            options.weights[{layer.node, layer.weightIndex}] = std::move(weight);
        }
        if (quantized.activation && quantized.activationScheme)
            options.activations[{layer.node, layer.inputIndex}] =
                [grid = *quantized.activation,
                 scheme = *quantized.activationScheme](const Tensor &value) -> Result<Tensor> {
                QS_TRY(const Tensor values, toFloat32(value));
                return castTensor(fakeQuantize(values, grid, scheme), value.dtype());
            };
    }
    return options;
}

} // namespace qs
