#pragma once

#include <span>
#include <vector>

namespace qs {

/// Something that costs and gives.
struct ParetoPoint {
    double cost = 0, value = 0;
};

/// Which points no other point beats: none costs no more and is at least as good, better in one of both.
/// Points whose cost or value is NaN are never on the front.
std::vector<bool> paretoFront(std::span<const ParetoPoint> points, bool higherIsBetter);

} // namespace qs
