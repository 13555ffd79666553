#pragma once

#include "core/exec/capture.h"
#include "core/quant/recipe.h"

namespace qs {

/// A layer as it is run: the quantized weight and the activation grid, either absent.
struct QuantizedLayer {
    LayerId layer = kNoLayer;
    std::shared_ptr<const QuantizedMatrix> weight;
    std::optional<ScaleZero> activation;
    std::optional<GridScheme> activationScheme;
};

/// Substitutions that make the executor run these layers quantized (fake quantization: values, not codes).
/// \error Unsupported  weight cannot be laid out
Result<PassOptions> substitutions(const Model &model, std::span<const QuantizedLayer> layers);

/// Fake quantization of a float32 activation: dequantize(quantize(x)).
Tensor fakeQuantize(const Tensor &values, ScaleZero grid, const GridScheme &scheme);

} // namespace qs
