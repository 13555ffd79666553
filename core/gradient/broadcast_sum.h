#pragma once

#include "core/base/run_context.h"
#include "core/tensor/tensor.h"

namespace qs {

/// Undoes broadcasting on the way back: sums a gradient over the axes along which an operand of `shape` was
/// repeated. Sums are kept in float64, in one fixed order.
/// \param gradient  float32, of a shape to which `shape` broadcasts
Tensor sumToShape(const Tensor &gradient, const Shape &shape);

} // namespace qs
