#pragma once

#include "core/exec/depthwise_3x3.h"

namespace qs {

/// Whether every output channel reads one input channel only, over two axes at most, with padding in
/// proportion.
bool isDepthwise(const ConvolutionPlan &plan);

/// Depthwise convolution in float32, planes in parallel. \param tail  what follows
/// \error Cancelled
Status depthwiseConvolution(const ConvolutionPlan &plan, const DepthwiseOperands &operands,
                            const ConvolutionTail &tail, const RunContext &ctx);

} // namespace qs
