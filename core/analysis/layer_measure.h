#pragma once

#include "core/exec/capture.h"
#include "core/quant/recipe.h"
#include "core/quant/region_grid.h"

namespace qs {

/// A layer as it is run: the quantized weight and the activation grid, either absent.
struct QuantizedLayer {
    LayerId layer = kNoLayer;
    std::shared_ptr<const QuantizedMatrix> weight;
    std::optional<ScaleZero> activation; ///< of ActivationScale::Static
    std::optional<GridScheme> activationScheme;
    ActivationScale activationScale = ActivationScale::Static;
    double activationAlpha = 0.15;                ///< ActivationScale::Cross
    std::optional<RegionGrid> activationRegion{}; ///< ActivationScale::Region
    std::vector<float> outputOffset{}; ///< [outChannels] added to the output (corrections); empty = none

    bool quantizesActivation() const { return activationScheme.has_value(); }
};

/// How far the range of the activation grid may be off, because calibration counts values in bins. Nothing
/// unless that range is a percentile of this capture: neither another rule's nor a transform's, nor learned.
std::optional<RangeBound> activationRangeBound(const LayerCapture &capture, const QuantizedLayer &quantized);
/// "that of the values themselves lies from -1.2061 to -1.2059 and from 3.4102 to 3.4104".
std::string rangeBoundText(const RangeBound &bound);

/// What the layer makes of the activation that enters it: dequantize(quantize(x)).
/// \param values  float32; channels on the last axis, or on axis 1 of a convolution (`channelsFirst`)
Tensor quantizedActivation(const Tensor &values, const QuantizedLayer &quantized, bool channelsFirst);

/// Substitutions that make the executor run these layers quantized (fake quantization: values, not codes).
/// \error Unsupported  weight cannot be laid out
Result<PassOptions> substitutions(const Model &model, std::span<const QuantizedLayer> layers);

/// Fake quantization of a float32 activation: dequantize(quantize(x)).
Tensor fakeQuantize(const Tensor &values, ScaleZero grid, const GridScheme &scheme);

} // namespace qs
