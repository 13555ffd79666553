#pragma once

#include "core/graph/model_graph.h"
#include "core/quant/range_rule.h"

#include <optional>

namespace qs {

/// The image that a model wants: pixels on their own scale, and the normalised image that its first layer
/// sees. normalised = factor · pixel + offset by channel.
struct ImageInput {
    ValueId value = kNoValue; ///< the graph input
    ValueId normalized =
        kNoValue; ///< the value behind the normalisation inside the graph, or the input itself
    std::int64_t channels = 0, height = 0, width = 0;
    std::int64_t batch = 0;             ///< that the graph fixes; 0: any
    std::vector<double> factor, offset; ///< [channels]
    std::optional<ValueRange> pixels;   ///< what pixels are kept in; absent: whatever comes out
};

/// Normalised images on the scale of the model's input, held in the range of its pixels.
/// \param normalized  float32 [images, channels, height, width]
Tensor pixelsOf(const ImageInput &input, const Tensor &normalized);
/// Sets normalised values to the nearest that the range of pixels allows.
void holdInRange(const ImageInput &input, Tensor &normalized);
/// The way back through pixelsOf(): no gradient where a pixel is held.
void stopAtRange(const ImageInput &input, const Tensor &normalized, Tensor &gradient);

/// Finds the image input and the chain of Sub, Div, Mul and Add with constants that normalises it. Pixels
/// behind such a chain are taken to lie in [0, 1], or in [0, 255] where the middle lies above 1. Without one
/// the input is taken to be normalised already; or, where `pixels` are given, to become so by
/// (pixel - middle) / (a quarter of their width).
/// \param pixels  told by the user; takes the place of what would be guessed
/// \error Unsupported  several inputs, no float image [batch, channels, height, width] of fixed size
Result<ImageInput> findImageInput(const ModelGraph &graph, std::optional<ValueRange> pixels);

} // namespace qs
