#pragma once

#include "core/figure/color_map.h"

#include <vector>

namespace qs::views {

/// How a value becomes a place on a colour map.
struct HeatMapScale {
    enum class Kind {
        Linear,       ///< lo … hi
        Log,          ///< lo … hi, lo > 0: magnitudes
        SignedLinear, ///< -hi … hi, zero in the middle
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
    /// Values to write beside a colour bar, ascending, round numbers where possible.
    std::vector<double> ticks(int about) const;
};

/// Round values (1, 2, 5 × 10^k) within [lo, hi], about `about` of them.
std::vector<double> niceTicks(double lo, double hi, int about);
/// The same for indices: whole numbers, at least 1 apart.
std::vector<std::int64_t> indexTicks(double first, double last, int about);

} // namespace qs::views
