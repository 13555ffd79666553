#include "core/tensor/shape.h"

#include <fmt/format.h>

namespace qs {

std::int64_t Shape::numel() const {
    return numelBetween(0, rank());
}

std::int64_t Shape::numelBetween(int begin, int end) const {
    std::int64_t product = 1;
    for (int axis = begin; axis < end; ++axis)
        product *= (*this)[axis];
    return product;
}

Result<std::int64_t> Shape::checkedNumel() const {
    std::int64_t product = 1;
    bool empty = false;
    for (const std::int64_t dim : m_dims) {
        if (dim < 0)
            return fail(ErrorCode::CorruptFile, fmt::format("shape {} has a negative dimension", text()));
        if (dim == 0)
            empty = true;
        else if (__builtin_mul_overflow(product, dim, &product))
            return fail(ErrorCode::CorruptFile, fmt::format("shape {} has too many elements", text()));
    }
    return empty ? 0 : product;
}

std::vector<std::int64_t> Shape::strides() const {
    std::vector<std::int64_t> strides(m_dims.size());
    std::int64_t stride = 1;
    for (int axis = rank() - 1; axis >= 0; --axis) {
        strides[static_cast<std::size_t>(axis)] = stride;
        stride *= (*this)[axis];
    }
    return strides;
}

std::string Shape::text() const {
    return fmt::format("[{}]", fmt::join(m_dims, ", "));
}

Result<Shape> broadcastShapes(const Shape &a, const Shape &b) {
    const int rank = std::max(a.rank(), b.rank());
    std::vector<std::int64_t> dims(static_cast<std::size_t>(rank));
    for (int i = 0; i < rank; ++i) {
        const std::int64_t da = i < rank - a.rank() ? 1 : a[i - (rank - a.rank())];
        const std::int64_t db = i < rank - b.rank() ? 1 : b[i - (rank - b.rank())];
        if (da != db && da != 1 && db != 1)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("shapes {} and {} cannot be broadcast together", a.text(), b.text()));
        dims[static_cast<std::size_t>(i)] = da == 1 ? db : da;
    }
    return Shape(std::move(dims));
}

Result<int> normalizeAxis(std::int64_t axis, int rank) {
    if (axis < -rank || axis >= rank)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("axis {} is outside a tensor of rank {}", axis, rank));
    return static_cast<int>(axis < 0 ? axis + rank : axis);
}

} // namespace qs
