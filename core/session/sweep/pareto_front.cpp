#include "core/session/sweep/pareto_front.h"

#include <algorithm>
#include <cmath>

namespace qs {

std::vector<bool> paretoFront(std::span<const ParetoPoint> points, bool higherIsBetter) {
    const auto isBetter = [&](double a, double b) { return higherIsBetter ? a > b : a < b; };
    std::vector<bool> front;
    for (const ParetoPoint &point : points) {
        const auto beats = [&](const ParetoPoint &other) {
            return other.cost <= point.cost && !isBetter(point.value, other.value) &&
                   (other.cost < point.cost || isBetter(other.value, point.value)) &&
                   !std::isnan(other.value);
        };
        front.push_back(!std::isnan(point.cost) && !std::isnan(point.value) &&
                        std::none_of(points.begin(), points.end(), beats));
    }
    return front;
}

} // namespace qs
