#pragma once

#include <algorithm>
#include <cstdint>

namespace qs {

/// The slices of a row-major [rows, cols] matrix: the whole of it, its rows, or groups of neighbouring
/// columns of a row. The elements of a slice follow each other in memory.
struct Slices {
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    std::int64_t groupSize = 0; ///< columns of a group; cols = a slice is a row; 0 = one slice

    std::int64_t perRow() const { return groupSize == 0 ? 1 : (cols + groupSize - 1) / groupSize; }
    std::int64_t count() const { return groupSize == 0 ? 1 : rows * perRow(); }
    std::int64_t row(std::int64_t slice) const { return slice / perRow(); }
    std::int64_t firstColumn(std::int64_t slice) const { return slice % perRow() * groupSize; }
    std::int64_t begin(std::int64_t slice) const {
        return groupSize == 0 ? 0 : row(slice) * cols + firstColumn(slice);
    }
    std::int64_t size(std::int64_t slice) const {
        return groupSize == 0 ? rows * cols : std::min(groupSize, cols - firstColumn(slice));
    }
    /// Slices to hand to a thread at a time: some ten thousand elements, whatever the machine.
    std::int64_t grain() const {
        return groupSize == 0 ? 1 : std::max<std::int64_t>(1, 65536 / std::max<std::int64_t>(1, groupSize));
    }
};

} // namespace qs
