#pragma once

#include "core/exec/reference/sliding_window.h"

namespace qs {

/// Adds columns [kernel elements, window positions] to the source plane that a window reads them from: the
/// transpose of cutting an image into windows. What would fall into the padding is left out.
template <typename T, typename Sum>
void addColumns(const WindowPlan &w, const T *columns, Sum *plane) {
    for (std::int64_t kz = 0; kz < w.kernel[0]; ++kz)
        for (std::int64_t ky = 0; ky < w.kernel[1]; ++ky)
            for (std::int64_t kx = 0; kx < w.kernel[2]; ++kx, columns += w.dstSize()) {
                const auto [firstZ, lastZ] = w.inside(0, kz);
                const auto [firstY, lastY] = w.inside(1, ky);
                const auto [firstX, lastX] = w.inside(2, kx);
                for (std::int64_t z = firstZ; z < lastZ; ++z)
                    for (std::int64_t y = firstY; y < lastY; ++y) {
                        const T *row = columns + (z * w.dst[1] + y) * w.dst[2];
                        Sum *line =
                            plane + (w.at(0, z, kz) * w.src[1] + w.at(1, y, ky)) * w.src[2] + w.at(2, 0, kx);
                        for (std::int64_t x = firstX; x < lastX; ++x)
                            line[x * w.stride[2]] += static_cast<Sum>(row[x]);
                    }
            }
}

} // namespace qs
