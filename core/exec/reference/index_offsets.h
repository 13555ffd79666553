#pragma once

#include "core/tensor/tensor.h"

namespace qs {

/// Indices as int64 in [0, length), negative ones counted from the end.
/// \error InvalidArgument  one is outside
Result<std::vector<std::int64_t>> normalizedIndices(const Tensor &indices, std::int64_t length);

/// Offsets of the elements that an index tensor of GatherElements or ScatterElements names: its own
/// coordinates, the one along the axis replaced by the index.
/// \error InvalidArgument  shapes do not fit; an index is outside
Result<std::vector<std::int64_t>> elementOffsets(const Shape &data, const Tensor &indices, int axis);

/// Where the slices that index tuples name begin.
struct TupleSlices {
    std::vector<std::int64_t> offsets; ///< elements
    std::int64_t length = 1;           ///< elements of one slice
    Shape shape;                       ///< of all slices together
};

/// The last axis of `indices` holds coordinates of leading axes of `data`, after `batch` shared axes.
/// \error InvalidArgument  shapes do not fit; an index is outside
Result<TupleSlices> tupleSlices(const Shape &data, const Tensor &indices, int batch);

} // namespace qs
