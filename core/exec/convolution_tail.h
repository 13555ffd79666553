#pragma once

#include "core/tensor/tensor.h"

#include <limits>

namespace qs {

/// What becomes of a convolution's output before it is stored: x · factor[channel] + offset[channel], then
/// limits. It does to each element what the nodes BatchNormalization and Clip or Relu do, so fusing them
/// changes no bit.
struct ConvolutionTail {
    std::vector<float> factor, offset; ///< one per output channel; empty: neither
    float low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();

    bool hasLimits() const;
    bool isEmpty() const { return factor.empty() && !hasLimits(); }
    /// Values of one output channel, in place.
    void apply(std::int64_t channel, float *values, std::int64_t count) const;
    /// All of a float32 tensor [N, channels, …]. \thread serial
    void apply(Tensor &tensor) const;
};

} // namespace qs
