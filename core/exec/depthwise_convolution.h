#pragma once

#include "core/exec/convolution_tail.h"
#include "core/exec/reference/convolution.h"

namespace qs {

/// Whether every output channel reads one input channel only, over two axes at most, with padding in
/// proportion.
bool isDepthwise(const ConvolutionPlan &plan);

/// Depthwise convolution in float32, planes in parallel.
/// \param src     [batch, channels, plane]
/// \param weights [dstChannels, kernel]
/// \param bias    [dstChannels] or nullptr
/// \param tail    what follows, done before anything is stored
/// \param dst     [batch, dstChannels, plane]
/// \error Cancelled
Status depthwiseConvolution(const ConvolutionPlan &plan, const float *src, const float *weights,
                            const float *bias, const ConvolutionTail &tail, float *dst,
                            const RunContext &ctx);

} // namespace qs
