#include "core/numeric/integer_grid.h"

#include "core/base/check.h"
#include "core/tensor/convert.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace qs {
namespace {

constexpr GridConvention kConventions[] = {GridConvention::Asymmetric, GridConvention::SymmetricOffset,
                                           GridConvention::SymmetricRestricted,
                                           GridConvention::SymmetricFull};

/// Code steps that span [lo, hi] (asymmetric, S1: of [-amax, amax]) or [0, amax] (S2, S3).
double stepsOf(int bits, GridConvention convention) {
    switch (convention) {
    case GridConvention::Asymmetric:
    case GridConvention::SymmetricOffset:
        return (1 << bits) - 1;
    case GridConvention::SymmetricRestricted:
        return (1 << (bits - 1)) - 1;
    case GridConvention::SymmetricFull:
        return 1 << (bits - 1);
    }
    return 1;
}

float storableScale(double scale, bool asFloat16) {
    if (asFloat16)
        return float16ToFloat(floatToFloat16(static_cast<float>(std::clamp(scale, 6e-8, 6.5e4))));
    return static_cast<float>(std::max<double>(scale, std::numeric_limits<float>::min()));
}

} // namespace

std::string_view gridConventionName(GridConvention convention) {
    switch (convention) {
    case GridConvention::Asymmetric:
        return "asymmetric";
    case GridConvention::SymmetricOffset:
        return "s1";
    case GridConvention::SymmetricRestricted:
        return "s2";
    case GridConvention::SymmetricFull:
        return "s3";
    }
    return "asymmetric";
}

Result<GridConvention> gridConventionFromName(std::string_view name) {
    for (GridConvention convention : kConventions)
        if (name == gridConventionName(convention))
            return convention;
    return fail(ErrorCode::InvalidArgument,
                fmt::format("'{}' is no grid convention; use asymmetric, s1, s2 or s3", name));
}

CodeRange codeRange(int bits, GridConvention convention) {
    QS_CHECK(bits >= 1 && bits <= kMaxBits, "bits must be in 1..kMaxBits");
    if (bits == 1) // two codes, which only methods with levels of their own can use
        return convention == GridConvention::SymmetricFull ? CodeRange{-1, 0} : CodeRange{0, 1};
    const std::int32_t half = 1 << (bits - 1);
    switch (convention) {
    case GridConvention::Asymmetric:
    case GridConvention::SymmetricOffset:
        return {0, 2 * half - 1};
    case GridConvention::SymmetricRestricted:
        return {1 - half, half - 1};
    case GridConvention::SymmetricFull:
        return {-half, half - 1};
    }
    return {};
}

ScaleZero gridForRange(double lo, double hi, int bits, GridConvention convention, bool scaleAsFloat16) {
    QS_CHECK(std::isfinite(lo) && std::isfinite(hi) && lo <= hi, "a range must be finite and ordered");
    const CodeRange range = codeRange(bits, convention);
    const bool asymmetric = convention == GridConvention::Asymmetric;
    if (lo == 0 && hi == 0) {
        lo = -1;
        hi = 1;
    }
    lo = asymmetric ? std::min(lo, 0.0) : -std::max(std::fabs(lo), std::fabs(hi));
    hi = asymmetric ? std::max(hi, 0.0) : -lo;

    const double steps = stepsOf(bits, convention);
    const bool spansBothSigns = asymmetric || convention == GridConvention::SymmetricOffset;
    const double exactScale = (spansBothSigns ? hi - lo : hi) / steps;
    ScaleZero grid{storableScale(exactScale, scaleAsFloat16), 0};
    if (convention == GridConvention::SymmetricOffset)
        grid.zeroPoint = 1 << (bits - 1);
    if (!asymmetric)
        return grid;
    // While float32 holds the scale, -lo·steps/(hi-lo) keeps the ties that a rounded scale would break: a
    // range like [-a, a] has its zero exactly between two codes. A clamped or float16 scale needs the zero of
    // that scale.
    const bool scaleMoved = scaleAsFloat16 || exactScale < std::numeric_limits<float>::min();
    const double zero = scaleMoved ? -lo / grid.scale : -lo * steps / (hi - lo);
    grid.zeroPoint = static_cast<std::int32_t>(
        std::clamp<double>(roundTo(zero, RoundingMode::HalfEven), range.lowest, range.highest));
    return grid;
}

} // namespace qs
