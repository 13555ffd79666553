#pragma once

#include "core/numeric/integer_grid.h"

namespace qs {

/// Code of a value on a grid with an integer or a real zero point. The rounding mode is a constant here, so
/// that loops over a column have no branch in them.
template <RoundingMode Mode, bool RealZeros>
inline std::int32_t gridCode(float value, float scale, float zero, CodeRange range) {
    // In double: float x / s can land on a tie that the real quotient does not have.
    const double scaled = static_cast<double>(value) / scale;
    const double code = RealZeros ? roundTo(scaled + zero, Mode) : roundTo(scaled, Mode) + zero;
    return static_cast<std::int32_t>(code < range.lowest    ? range.lowest
                                     : code > range.highest ? range.highest
                                                            : code);
}

/// Calls body.template operator()<Mode, RealZeros>() with the run-time choice as constants.
template <typename Body>
auto withRounding(RoundingMode mode, bool realZeros, const Body &body) {
    switch (mode) {
    case RoundingMode::HalfAway:
        return realZeros ? body.template operator()<RoundingMode::HalfAway, true>()
                         : body.template operator()<RoundingMode::HalfAway, false>();
    case RoundingMode::Floor:
        return realZeros ? body.template operator()<RoundingMode::Floor, true>()
                         : body.template operator()<RoundingMode::Floor, false>();
    case RoundingMode::HalfEven:
        break;
    }
    return realZeros ? body.template operator()<RoundingMode::HalfEven, true>()
                     : body.template operator()<RoundingMode::HalfEven, false>();
}

} // namespace qs
