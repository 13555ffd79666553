#pragma once

#include "views/canvas/surface_camera.h"

#include <cstdint>
#include <span>
#include <vector>

namespace qs::views {

/// Bars on the cells of a grid that fills the floor of the box. Knows nothing of Qt and OpenGL.
struct SurfaceBars {
    std::int64_t rows = 0, cols = 0;
    std::span<const float> heights; ///< [rows, cols], 0..1

    float height(std::int64_t row, std::int64_t col) const {
        return heights[static_cast<std::size_t>(row * cols + col)];
    }
};

/// The bar that a ray meets first, or -1: row · cols + col.
std::int64_t pickBar(const SurfaceBars &bars, const BoxRay &ray);

/// Indices 0 … count-1 from the far end to the near one: what is drawn later covers what is drawn before.
/// \param towards  the viewer's direction along this axis
std::vector<std::int64_t> backToFront(std::int64_t count, double towards);

} // namespace qs::views
