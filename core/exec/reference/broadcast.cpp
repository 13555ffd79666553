#include "core/exec/reference/broadcast.h"

namespace qs::detail {

Result<Shape> broadcastAll(const Shape *const *shapes, std::size_t count) {
    Shape result = *shapes[0];
    for (std::size_t i = 1; i < count; ++i) {
        QS_TRY(result, broadcastShapes(result, *shapes[i]));
    }
    return result;
}

namespace {

/// Strides of an operand along the axes of the result; 0 where it is repeated.
std::vector<std::int64_t> stridesAlong(const Shape &result, const Shape &operand) {
    const std::vector<std::int64_t> own = operand.strides();
    const int missing = result.rank() - operand.rank();
    std::vector<std::int64_t> strides(static_cast<std::size_t>(result.rank()), 0);
    for (int axis = missing; axis < result.rank(); ++axis)
        if (operand[axis - missing] != 1)
            strides[static_cast<std::size_t>(axis)] = own[static_cast<std::size_t>(axis - missing)];
    return strides;
}

} // namespace

void mergeDimensions(const Shape &result, const Shape *const *shapes, std::size_t count,
                     std::vector<std::int64_t> &dims, std::vector<std::int64_t> *strides) {
    std::vector<std::vector<std::int64_t>> full;
    for (std::size_t k = 0; k < count; ++k)
        full.push_back(stridesAlong(result, *shapes[k]));
    dims.clear();
    // Built innermost first: a dimension joins its inner neighbour when each operand continues seamlessly.
    for (int axis = result.rank() - 1; axis >= 0; --axis) {
        const auto a = static_cast<std::size_t>(axis);
        if (result[axis] == 1)
            continue;
        bool joins = !dims.empty();
        for (std::size_t k = 0; k < count && joins; ++k)
            joins = full[k][a] == strides[k].back() * dims.back();
        if (joins) {
            dims.back() *= result[axis];
            continue;
        }
        dims.push_back(result[axis]);
        for (std::size_t k = 0; k < count; ++k)
            strides[k].push_back(full[k][a]);
    }
    if (dims.empty()) {
        dims.push_back(1);
        for (std::size_t k = 0; k < count; ++k)
            strides[k].push_back(0);
    }
    std::reverse(dims.begin(), dims.end());
    for (std::size_t k = 0; k < count; ++k)
        std::reverse(strides[k].begin(), strides[k].end());
}

} // namespace qs::detail
