#pragma once

#include "core/exec/reference/dispatch.h"

namespace qs {

/// A tensor of `shape` whose element at index i is src element offset + Σ i[axis]·strides[axis]:
/// transposition, slicing and expansion in one rule. The caller guarantees that every such element exists.
Outputs copyStrided(const KernelCall &call, const Tensor &src, std::int64_t offset, const Shape &shape,
                    const std::vector<std::int64_t> &strides);

/// A tensor whose index i along an axis is taken from src index maps[axis][i], or is `fill` where that is -1:
/// padding and tiling in one rule. \param fill  a scalar of src's type, or empty for zero
Outputs copyMapped(const KernelCall &call, const Tensor &src, const Shape &shape,
                   const std::vector<std::vector<std::int64_t>> &maps, const Tensor &fill);

/// The slices of a tensor along an axis at these indices, in this order. The caller guarantees that all
/// exist. \error Unsupported  strings
Result<Tensor> copySlices(const KernelCall &call, const Tensor &src, int axis,
                          std::span<const std::int64_t> indices);

/// \error Unsupported  packed elements, which cannot be moved byte by byte
Status requireWholeBytes(const Tensor &tensor);

} // namespace qs
