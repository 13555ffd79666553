#include "core/numeric/rounding.h"

#include <fmt/format.h>

namespace qs {

std::string_view roundingModeName(RoundingMode mode) {
    switch (mode) {
    case RoundingMode::HalfEven:
        return "half_even";
    case RoundingMode::HalfAway:
        return "half_away";
    case RoundingMode::Floor:
        return "floor";
    }
    return "half_even";
}

Result<RoundingMode> roundingModeFromName(std::string_view name) {
    for (RoundingMode mode : {RoundingMode::HalfEven, RoundingMode::HalfAway, RoundingMode::Floor})
        if (name == roundingModeName(mode))
            return mode;
    return fail(ErrorCode::InvalidArgument,
                fmt::format("'{}' is no rounding mode; use half_even, half_away or floor", name));
}

} // namespace qs
