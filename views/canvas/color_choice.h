#pragma once

#include "views/canvas/heat_map_scale.h"
#include "views/canvas/heat_map_stats.h"

namespace qs::views {

/// What kind of values a map shows: decides which colour maps and scales make sense.
enum class ValueKind {
    Magnitude, ///< from zero up
    Signed,    ///< both sides of zero
    Codes,     ///< whole numbers of a known range
};

/// How values become colours, as the controls say.
struct ColorChoice {
    enum class Range { Full, Percentile, Manual };
    bool logarithmic = true;
    Range range = Range::Full;
    double percentile = 99.9; ///< of |values|
    double lo = 0, hi = 1;    ///< Manual
};
/// For magnitudes and signed values.
HeatMapScale chooseScale(const HeatMapStats &stats, bool isSigned, bool divergingMap,
                         const ColorChoice &choice);

} // namespace qs::views
