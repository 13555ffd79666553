#pragma once

#include "core/exec/reference/dispatch.h"

namespace qs {

/// A tensor as [outer, length, inner] around one axis.
struct AxisView {
    std::int64_t outer = 1, length = 1, inner = 1;
    static AxisView of(const Shape &shape, int axis) {
        return {shape.numelBetween(0, axis), shape[axis], shape.numelBetween(axis + 1, shape.rank())};
    }
};

/// Axes as an operator names them: an attribute in old opsets, an input since `inputSince`.
struct AxesSource {
    std::optional<std::vector<std::int64_t>> attribute;
    int input = -1; ///< operand index, or -1 for the attribute

    static AxesSource read(NodeReader &reader, std::int64_t inputSince, int inputIndex = 1);
    /// The axes of this call as given; nullopt when the node names none.
    Result<std::optional<std::vector<std::int64_t>>> get(const KernelCall &call) const;
};

/// Sorted axes within [0, rank).
/// \error InvalidArgument  out of range or named twice
Result<std::vector<int>> normalizeAxes(const std::vector<std::int64_t> &axes, int rank);

/// Offsets of all index combinations of some axes, last axis fastest.
std::vector<std::int64_t> offsetsOf(const Shape &shape, const std::vector<int> &axes);

} // namespace qs
