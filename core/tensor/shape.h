#pragma once

#include "core/base/result.h"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace qs {

/// Dimensions of a dense row-major tensor, outermost first; rank 0 is a scalar.
class Shape {
public:
    Shape() = default;
    Shape(std::initializer_list<std::int64_t> dims) : m_dims(dims) {}
    explicit Shape(std::vector<std::int64_t> dims) : m_dims(std::move(dims)) {}

    int rank() const { return static_cast<int>(m_dims.size()); }
    std::int64_t operator[](int axis) const { return m_dims[static_cast<std::size_t>(axis)]; }
    std::int64_t &operator[](int axis) { return m_dims[static_cast<std::size_t>(axis)]; }
    const std::vector<std::int64_t> &dims() const { return m_dims; }
    auto begin() const { return m_dims.begin(); }
    auto end() const { return m_dims.end(); }
    bool operator==(const Shape &) const = default;

    /// Number of elements; the shape must have passed checkedNumel() when it came from a file.
    std::int64_t numel() const;
    /// \error CorruptFile  a negative dimension, or a product beyond int64
    Result<std::int64_t> checkedNumel() const;
    /// Elements between neighbours along each axis.
    std::vector<std::int64_t> strides() const;
    /// Product of dims[begin, end).
    std::int64_t numelBetween(int begin, int end) const;
    /// "[64, 3, 3, 3]".
    std::string text() const;

private:
    std::vector<std::int64_t> m_dims;
};

/// Shape of an elementwise operation on both, after numpy's broadcasting rule.
/// \error InvalidArgument  the shapes do not fit; names both
Result<Shape> broadcastShapes(const Shape &a, const Shape &b);

/// Turns a possibly negative axis into [0, rank).
/// \error InvalidArgument  outside [-rank, rank)
Result<int> normalizeAxis(std::int64_t axis, int rank);

} // namespace qs
