#include "views/canvas/color_choice.h"

namespace qs::views {

HeatMapScale chooseScale(const HeatMapStats &stats, bool isSigned, bool divergingMap,
                         const ColorChoice &choice) {
    using Kind = HeatMapScale::Kind;
    HeatMapScale scale;
    scale.hi = static_cast<double>(stats.largestMagnitude());
    scale.lo = isSigned ? static_cast<double>(stats.lowest) : 0;
    if (choice.range == ColorChoice::Range::Percentile) {
        scale.hi = static_cast<double>(stats.magnitudeQuantile(choice.percentile / 100));
        if (isSigned)
            scale.lo = -scale.hi;
    } else if (choice.range == ColorChoice::Range::Manual) {
        scale.lo = choice.lo;
        scale.hi = choice.hi;
    } else if (isSigned && !divergingMap) {
        scale.hi = static_cast<double>(stats.highest);
    }
    if (!(scale.hi > 0) && scale.hi <= scale.lo)
        scale.hi = scale.lo + 1;
    if (isSigned) {
        scale.kind = choice.logarithmic ? Kind::SignedLog : divergingMap ? Kind::SignedLinear : Kind::Linear;
        if (scale.isSigned())
            scale.hi = std::max(std::abs(scale.lo), std::abs(scale.hi));
        return scale;
    }
    scale.kind = choice.logarithmic ? Kind::Log : Kind::Linear;
    // Zeros have no logarithm: the bar starts where the smallest percent of the values ends.
    if (scale.kind == Kind::Log && scale.lo <= 0)
        scale.lo = std::max(static_cast<double>(stats.magnitudeQuantile(0.01)), scale.hi * 1e-4);
    if (scale.kind == Kind::Log && scale.lo >= scale.hi)
        scale.lo = scale.hi * 1e-4;
    return scale;
}

} // namespace qs::views
