#pragma once

#include "core/tensor/tensor.h"

namespace qs {

/// The elements [first, first + count) of a tensor as a tensor of one axis that shares its bytes.
/// \param first  where a byte begins, and in block formats a block: multiples of 256 always are
/// \param count  the same, or up to the end
Tensor sliceOf(const Tensor &tensor, std::int64_t first, std::int64_t count);

} // namespace qs
