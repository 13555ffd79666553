#pragma once

#include "core/figure/axis.h"
#include "core/figure/color_map.h"

#include <vector>

namespace qs::views {

/// How a value becomes a place on a colour map.
struct HeatMapScale {
    enum class Kind {
        Linear,       ///< lo … hi
        Log,          ///< lo … hi, lo > 0: magnitudes
        SignedLinear, ///< -hi … hi, zero in the middle
        Steps,        ///< whole numbers lo … hi, each with a colour of its own
        SignedLog,    ///< the same; logarithmic beyond ±hi/1000, linear within
    };
    Kind kind = Kind::Linear;
    double lo = 0;
    double hi = 1;

    bool operator==(const HeatMapScale &) const = default;
    bool isSigned() const { return kind == Kind::SignedLinear || kind == Kind::SignedLog; }
    /// The lowest value shown: -hi for signed kinds.
    double lowest() const { return isSigned() ? -hi : lo; }
    /// 0 at the lowest value, 1 at hi; outside is clamped; NaN for NaN and Inf.
    double position(double value) const;
    /// How many colours a stepped scale has; 0 for the others.
    int steps() const { return kind == Kind::Steps ? static_cast<int>(hi - lo) + 1 : 0; }
    /// Marks beside a colour bar, ascending.
    std::vector<Tick> ticks(int most) const;
};

/// Whole numbers to write along an axis that shows indices [first, last).
std::vector<std::int64_t> indexTicks(double first, double last, int most);

} // namespace qs::views
