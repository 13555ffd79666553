#pragma once

#include "core/exec/kernel.h"

namespace qs {

/// QuantizeLinear with one scale: operands x, scale and zero point, whose type the codes have.
Outputs quantizeToCodes(const KernelCall &call);

} // namespace qs
