#include "core/numeric/number_format.h"

#include "core/base/check.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace qs {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// The smallest float32 at or above a real number, or above it.
float firstFloat(double bound, bool boundIncluded) {
    const auto nearest = static_cast<float>(bound);
    const auto exact = static_cast<double>(nearest);
    return exact < bound || (exact == bound && !boundIncluded) ? std::nextafter(nearest, kInfinity) : nearest;
}

bool isEven(const NumberFormat &format, int code, int zeroPoint) {
    return ((format.isInteger() ? code - zeroPoint : code) & 1) == 0;
}

float pointValue(const NumberFormat &format, std::size_t point, double scale, int zeroPoint) {
    if (format.isInteger())
        return dequantizeValue(format.codes[point], {static_cast<float>(scale), zeroPoint});
    return static_cast<float>(scale * format.points[point]);
}

CodePoints layOut(const NumberFormat &format, float scale, int zeroPoint) {
    CodePoints result;
    result.scale = static_cast<double>(scale);
    result.zeroPoint = zeroPoint;
    const auto &points = format.points;
    const bool byCode = format.ties == NumberFormat::Ties::EvenCode;
    const auto boundary = [&](double middle) { return result.scale * (middle - zeroPoint); };
    for (std::size_t i = 0; i < points.size(); ++i) {
        result.values.push_back(pointValue(format, i, result.scale, zeroPoint));
        if (i + 1 < points.size())
            result.starts.push_back(firstFloat(boundary((points[i] + points[i + 1]) / 2),
                                               byCode && isEven(format, format.codes[i + 1], zeroPoint)));
    }
    // Beyond the ends stands a point that the format does not have, of the other parity.
    const std::size_t last = points.size() - 1;
    const bool firstWins = byCode && isEven(format, format.codes.front(), zeroPoint);
    const bool lastWins = !byCode || isEven(format, format.codes.back(), zeroPoint);
    result.firstKept = firstFloat(boundary(points[0] - (points[1] - points[0]) / 2), firstWins);
    result.firstLost = firstFloat(boundary(points[last] + (points[last] - points[last - 1]) / 2), !lastWins);
    return result;
}

float scaleFor(const NumberFormat &format, double amax) {
    if (format.scaleRule == NumberFormat::ScaleRule::PowerOfTwo) {
        int exponent = 0;
        std::frexp(amax, &exponent); // amax = m · 2^exponent, m in [0.5, 1)
        return std::ldexp(1.0f, std::clamp(exponent - 1 - format.emax, -127, 127));
    }
    return static_cast<float>(std::max<double>(amax / format.largest(), std::numeric_limits<float>::min()));
}

} // namespace

double NumberFormat::largest() const {
    return std::max(std::fabs(points.front()), std::fabs(points.back()));
}

std::size_t CodePoints::nearest(float value) const {
    QS_DCHECK(!std::isnan(value), "NaN has no nearest code");
    return static_cast<std::size_t>(std::upper_bound(starts.begin(), starts.end(), value) - starts.begin());
}

CodePoints codePoints(const NumberFormat &format, double lo, double hi) {
    QS_CHECK(std::isfinite(lo) && std::isfinite(hi) && lo <= hi, "a range must be finite and ordered");
    if (format.isInteger())
        return codePoints(format, gridForRange(lo, hi, format.bits, *format.convention));
    const double amax = std::max(std::fabs(lo), std::fabs(hi));
    return layOut(format, scaleFor(format, amax > 0 ? amax : 1), 0);
}

CodePoints codePoints(const NumberFormat &format, ScaleZero grid) {
    QS_CHECK(format.isInteger(), "only integer formats have a zero point");
    return layOut(format, grid.scale, grid.zeroPoint);
}

Result<const NumberFormat *> findFormat(std::string_view id) {
    std::string others;
    for (const NumberFormat &format : builtinFormats()) {
        if (format.id == id)
            return &format;
        if (!format.isInteger())
            others += ", " + format.id;
    }
    return fail(
        ErrorCode::InvalidArgument,
        fmt::format("there is no number format '{}'. Use int2 to int8 with -asymmetric, -s1, -s2 or -s3 "
                    "(int4-s2){}",
                    id, others));
}

const NumberFormat *integerFormat(int bits, GridConvention convention) {
    for (const NumberFormat &format : builtinFormats())
        if (format.bits == bits && format.convention == convention)
            return &format;
    return nullptr;
}

} // namespace qs
