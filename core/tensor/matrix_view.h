#pragma once

#include <cstdint>
#include <span>

namespace qs {

/// Rows of contiguous elements; does not own them.
template <typename T>
struct MatrixView {
    T *data = nullptr;
    std::int64_t rows = 0;
    std::int64_t cols = 0;

    std::span<T> row(std::int64_t index) const {
        return {data + index * cols, static_cast<std::size_t>(cols)};
    }
    T &operator()(std::int64_t row, std::int64_t col) const { return data[row * cols + col]; }
    std::int64_t size() const { return rows * cols; }
};

} // namespace qs
