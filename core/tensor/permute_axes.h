#pragma once

#include "core/tensor/tensor.h"

#include <vector>

namespace qs {

/// A copy with the axes in another order.
/// \param stored  elements of whole bytes
/// \param order   the stored axis of each new one; every axis once
Tensor permuteAxes(const Tensor &stored, const std::vector<int> &order);

} // namespace qs
