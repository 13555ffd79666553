#include "views/canvas/surface_bars.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qs::views {

namespace {

/// The part of a ray within [lo, hi] along one axis.
struct Interval {
    double from = -std::numeric_limits<double>::infinity();
    double to = std::numeric_limits<double>::infinity();

    bool isEmpty() const { return from > to; }
};

Interval cut(Interval part, double origin, double direction, double lo, double hi) {
    if (direction == 0)
        return origin >= lo && origin <= hi ? part : Interval{1, 0};
    const double a = (lo - origin) / direction, b = (hi - origin) / direction;
    return {std::max(part.from, std::min(a, b)), std::min(part.to, std::max(a, b))};
}

} // namespace

std::int64_t pickBar(const SurfaceBars &bars, const BoxRay &ray) {
    std::int64_t found = -1;
    double nearest = std::numeric_limits<double>::infinity();
    for (std::int64_t row = 0; row < bars.rows; ++row) {
        const auto rows = static_cast<double>(bars.rows), cols = static_cast<double>(bars.cols);
        const Interval inRow = cut({}, ray.origin.y, ray.direction.y, static_cast<double>(row) / rows,
                                   static_cast<double>(row + 1) / rows);
        if (inRow.isEmpty())
            continue;
        for (std::int64_t col = 0; col < bars.cols; ++col) {
            Interval inside = cut(inRow, ray.origin.x, ray.direction.x, static_cast<double>(col) / cols,
                                  static_cast<double>(col + 1) / cols);
            if (inside.isEmpty() || inside.from >= nearest)
                continue;
            inside =
                cut(inside, ray.origin.z, ray.direction.z, 0, static_cast<double>(bars.height(row, col)));
            if (inside.isEmpty() || inside.from >= nearest)
                continue;
            nearest = inside.from;
            found = row * bars.cols + col;
        }
    }
    return found;
}

std::vector<std::int64_t> backToFront(std::int64_t count, double towards) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i)
        order[static_cast<std::size_t>(i)] = towards >= 0 ? i : count - 1 - i;
    return order;
}

} // namespace qs::views
