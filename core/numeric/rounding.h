#pragma once

#include "core/base/result.h"

#include <cmath>
#include <string_view>

namespace qs {

/// How a real number becomes a code. Always named, never implied. Default of this field: HalfEven.
enum class RoundingMode {
    HalfEven, ///< ties to the even neighbour, as IEEE 754, numpy and ONNX QuantizeLinear
    HalfAway, ///< ties away from zero, as C round()
    Floor,    ///< floor(x + 0.5): ties upward
};

std::string_view roundingModeName(RoundingMode mode); ///< "half_even", "half_away", "floor"
Result<RoundingMode> roundingModeFromName(std::string_view name);

/// The integer that `value` rounds to. Assumes the default floating-point environment.
inline double roundTo(double value, RoundingMode mode) {
    switch (mode) {
    case RoundingMode::HalfEven:
        return std::nearbyint(value);
    case RoundingMode::HalfAway:
        return std::round(value);
    case RoundingMode::Floor:
        return std::floor(value + 0.5);
    }
    return value;
}

} // namespace qs
