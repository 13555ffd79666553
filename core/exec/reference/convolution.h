#pragma once

#include "core/exec/reference/sliding_window.h"

namespace qs {

/// Sizes of one convolution [N, C, spatial…] * [O, C / groups, spatial…].
struct ConvolutionPlan {
    WindowPlan window;
    std::int64_t batch = 0, groups = 1, srcChannels = 0, dstChannels = 0;
    Shape result;
};

/// Checks the operands (input, weight, optional bias) against each other and the attributes.
/// \error InvalidArgument  they do not fit; says how
Result<ConvolutionPlan> planConvolution(const KernelCall &call, const WindowAttributes &attributes,
                                        std::int64_t group);

/// The convolution of int32 operands; sums wrap around to int32 at the end.
Outputs convolveInt32(const KernelCall &call, const ConvolutionPlan &plan);

} // namespace qs
