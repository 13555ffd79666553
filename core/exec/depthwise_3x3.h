#pragma once

#include "core/exec/convolution_tail.h"
#include "core/exec/reference/convolution.h"

namespace qs {

/// The operands of a depthwise convolution in float32.
struct DepthwiseOperands {
    const float *src = nullptr;     ///< [batch, channels, plane]
    const float *weights = nullptr; ///< [dstChannels, kernel]
    const float *bias = nullptr;    ///< [dstChannels] or nullptr
    float *dst = nullptr;           ///< [batch, dstChannels, plane]
};

/// Whether convolveDepthwise3x3() takes the plan, which isDepthwise(), on this processor: kernels of 3x3 at
/// strides of 1 or 2, with a padding of 1 at most.
bool takesDepthwise3x3(const ConvolutionPlan &plan);

/// Output planes [begin, end), counted over batch and channels, with the tail: source rows are read where
/// they are, in vectors whose lanes in the padding are masked. Sums use fused multiply-add where the
/// processor has it, the tail does not. \thread serial
void convolveDepthwise3x3(const ConvolutionPlan &plan, const DepthwiseOperands &operands,
                          const ConvolutionTail &tail, std::int64_t begin, std::int64_t end);

} // namespace qs
