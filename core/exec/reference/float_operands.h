#pragma once

#include "core/exec/kernel.h"

namespace qs {

/// For kernels that compute in float32 only; half types were widened before (widenHalfTypes).
/// \error Unsupported  one of these operands is there and has another type
Status requireFloat32Operands(const KernelCall &call, std::initializer_list<std::size_t> operands);

} // namespace qs
