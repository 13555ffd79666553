#pragma once

#include "core/exec/kernel.h"

namespace qs {

/// Checks the operands of Gemm: two matrices that fit after their transpositions, of one type, and a C that
/// broadcasts to the product. \error InvalidArgument  they do not; names the shapes
Status checkGemm(const KernelCall &call, bool transA, bool transB);

} // namespace qs
