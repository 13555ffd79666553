#pragma once

#include "core/base/result.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace qs {

/// Which elements of a weight matrix [outChannels, inPerOut] share one scale.
enum class Granularity {
    PerTensor,
    PerChannel, ///< one scale per row (output channel)
    PerGroup,   ///< one scale per groupSize consecutive columns of a row
};

std::string_view granularityName(Granularity granularity); ///< "tensor", "channel", "group"
Result<Granularity> granularityFromName(std::string_view name);

/// The slices of a [rows, cols] matrix. The last group of a row may be shorter than groupSize.
struct SliceLayout {
    Granularity granularity = Granularity::PerChannel;
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    std::int64_t groupSize = 0; ///< PerGroup only

    std::int64_t groupsPerRow() const {
        return granularity == Granularity::PerGroup ? (cols + groupSize - 1) / groupSize : 1;
    }
    std::int64_t slices() const { return granularity == Granularity::PerTensor ? 1 : rows * groupsPerRow(); }
    /// Index into scales and zero points for an element.
    std::int64_t slice(std::int64_t row, std::int64_t col) const {
        switch (granularity) {
        case Granularity::PerTensor:
            return 0;
        case Granularity::PerChannel:
            return row;
        case Granularity::PerGroup:
            return row * groupsPerRow() + col / groupSize;
        }
        return 0;
    }
    /// First column behind `col` that lies in another slice of the same row.
    std::int64_t sliceEnd(std::int64_t col) const {
        return granularity == Granularity::PerGroup ? std::min(cols, (col / groupSize + 1) * groupSize)
                                                    : cols;
    }
};

} // namespace qs
