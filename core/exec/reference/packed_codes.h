#pragma once

#include "core/exec/kernel.h"

namespace qs {

/// Codes, one per int32, as a tensor of a possibly packed type (int4, uint2, …): of each the lowest bits.
Result<Tensor> packCodes(const KernelCall &call, const Tensor &codes, DType type);

/// The bits of every element of a packed type (int4, float4e2m1, uint2, …), one per int32, unsigned; what
/// packCodes() takes.
Result<Tensor> unpackBits(const KernelCall &call, const Tensor &packed);

/// Whether elements share bytes. False for types without a width (strings).
bool isPackedType(DType type);

} // namespace qs
