#pragma once

#include "core/exec/kernel.h"

namespace qs {

/// Codes, one per int32, as a tensor of a possibly packed type (int4, uint2, …): of each the lowest bits.
Result<Tensor> packCodes(const KernelCall &call, const Tensor &codes, DType type);

} // namespace qs
