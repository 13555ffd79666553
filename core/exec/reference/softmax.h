#pragma once

#include "core/exec/kernel.h"

namespace qs {

/// log(softmax(x)) of the first operand (float32 or float64) along an axis.
/// \error Unsupported  other element types
Outputs logSoftmax(const KernelCall &call, int axis);

} // namespace qs
