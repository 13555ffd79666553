#pragma once

#include "core/figure/drawing.h"

namespace qs {

/// Maps values to [0, 1] along an axis. A linear scale may run backwards (lo > hi).
struct AxisScale {
    double lo = 0, hi = 1;
    bool logarithmic = false; ///< 0 < lo < hi

    double position(double value) const;
};

struct Tick {
    double value = 0;
    std::string label; ///< empty for a minor tick
};

/// Ticks at 1, 2 or 5 times a power of ten (powers of ten when logarithmic) within the scale, all labelled
/// with the same number of decimals. \param most  labelled ticks at most, >= 2
std::vector<Tick> niceTicks(const AxisScale &scale, int most);

/// The scale widened to the next ticks, so that the axis ends on round numbers; a scale of no width gets one.
AxisScale widenedToTicks(const AxisScale &scale, int most);

} // namespace qs
