#pragma once

#include <algorithm>
#include <cstdint>

namespace qs {

/// Rows that go through the columns of a layer together: many, because each panel reads the whole Hessian,
/// but enough panels for all threads. \return a number that depends on the size of the layer only
inline std::int64_t panelRows(std::int64_t rows) {
    return std::clamp<std::int64_t>(rows / 16 / 8 * 8, 64, 256);
}

} // namespace qs
