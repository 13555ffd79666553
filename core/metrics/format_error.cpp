#include "core/metrics/format_error.h"

#include "core/base/check.h"
#include "core/metrics/error_metrics.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

/// Calls visit(point, begin, end) for the values of each code point, ascending, empty ones included.
template <typename Visit>
void forEachPoint(const SortedValues &values, const CodePoints &points, const Visit &visit) {
    std::int64_t begin = 0;
    for (std::size_t i = 0; i < points.values.size(); ++i) {
        const std::int64_t end =
            i < points.starts.size() ? std::max(begin, values.countBelow(points.starts[i])) : values.count();
        visit(i, begin, end);
        begin = end;
    }
}

double squaredError(const SortedValues &values, const CodePoints &points) {
    double sum = 0;
    forEachPoint(values, points, [&](std::size_t point, std::int64_t begin, std::int64_t end) {
        sum += values.squaredDistance(begin, end, static_cast<double>(points.values[point]));
    });
    return sum;
}

/// The smallest value of `error` on both sides of a start; steps halve.
template <typename Error>
double refine(double start, double step, const Error &error) {
    constexpr int kHalvings = 10;
    double best = start, least = error(start);
    for (int halving = 0; halving < kHalvings; ++halving, step /= 2)
        for (const double candidate : {best - step, best + step})
            if (const double other = error(candidate); other < least) {
                least = other;
                best = candidate;
            }
    return best;
}

} // namespace

double FormatError::mse() const {
    return count > 0 ? squaredError() / static_cast<double>(count) : 0;
}

double FormatError::sqnrDb() const {
    ErrorMetrics error;
    error.sumSquares = sumOfSquares;
    error.sumSquaredError = squaredError();
    return error.sqnrDb();
}

double FormatError::clippedShare() const {
    return count > 0 ? static_cast<double>(clippedBelow + clippedAbove) / static_cast<double>(count) : 0;
}

std::int64_t FormatError::usedPoints() const {
    return std::count_if(valuesPerPoint.begin(), valuesPerPoint.end(),
                         [](std::int64_t values) { return values > 0; });
}

FormatError formatError(const SortedValues &values, const CodePoints &points) {
    FormatError result;
    result.count = values.count();
    result.sumOfSquares = values.sumOfSquares();
    result.valuesPerPoint.reserve(points.values.size());
    const std::int64_t kept = values.countBelow(points.firstKept), lost = values.countBelow(points.firstLost);
    result.clippedBelow = kept;
    result.clippedAbove = values.count() - lost;
    forEachPoint(values, points, [&](std::size_t point, std::int64_t begin, std::int64_t end) {
        result.valuesPerPoint.push_back(end - begin);
        const auto level = static_cast<double>(points.values[point]);
        const std::int64_t first = std::clamp(kept, begin, end), last = std::clamp(lost, first, end);
        result.clippingError +=
            values.squaredDistance(begin, first, level) + values.squaredDistance(last, end, level);
        result.roundingError += values.squaredDistance(first, last, level);
    });
    return result;
}

FormatError formatErrorReference(std::span<const float> values, const CodePoints &points) {
    FormatError result;
    result.valuesPerPoint.resize(points.values.size());
    for (const float value : values) {
        if (!std::isfinite(value))
            continue;
        const std::size_t point = points.nearest(value);
        const double exact = value, error = exact - static_cast<double>(points.values[point]);
        ++result.count;
        ++result.valuesPerPoint[point];
        result.sumOfSquares += exact * exact;
        (points.isClipped(value) ? result.clippingError : result.roundingError) += error * error;
        result.clippedBelow += value < points.firstKept;
        result.clippedAbove += value >= points.firstLost;
    }
    return result;
}

BinnedError binnedError(const SortedValues &values, const CodePoints *points, double lo, double hi,
                        int bins) {
    QS_CHECK(lo < hi && bins > 0, "bins need a range with a width");
    BinnedError result{lo, (hi - lo) / bins, {}, {}};
    std::int64_t begin = values.countBelow(static_cast<float>(lo));
    for (int bin = 0; bin < bins; ++bin) {
        const bool isLast = bin + 1 == bins;
        const auto right = static_cast<float>(isLast ? hi : result.left(static_cast<std::size_t>(bin) + 1));
        const std::int64_t end =
            std::max(begin, values.countBelow(isLast ? std::nextafter(right, INFINITY) : right));
        result.counts.push_back(end - begin);
        // Several points may lie in one bin, and several bins at one point.
        double error = 0;
        for (std::int64_t from = begin; points != nullptr && from < end;) {
            const std::size_t point = points->nearest(values.values()[static_cast<std::size_t>(from)]);
            const std::int64_t to =
                point < points->starts.size() ? std::min(end, values.countBelow(points->starts[point])) : end;
            error += values.squaredDistance(from, to, static_cast<double>(points->values[point]));
            from = to;
        }
        if (points != nullptr)
            result.errors.push_back(error);
        begin = end;
    }
    return result;
}

Result<ClipSearchResult> bestClipRange(const SortedValues &values, const NumberFormat &format, double lo,
                                       double hi, const RunContext &ctx) {
    constexpr int kCandidates = 128;
    if (!format.hasSymmetricRange()) {
        lo = std::min(lo, 0.0);
        hi = std::max(hi, 0.0);
    }
    const auto errorOf = [&](double from, double to) {
        return squaredError(values, codePoints(format, std::min(from, to), std::max(from, to)));
    };
    // A power-of-two scale may have to be one step above that of the range.
    const int widest =
        format.scaleRule == NumberFormat::ScaleRule::PowerOfTwo ? 2 * kCandidates : kCandidates;
    double best = 1, least = errorOf(lo, hi);
    for (int i = widest; i > 0; --i) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        const double p = static_cast<double>(i) / kCandidates;
        if (const double error = errorOf(p * lo, p * hi); error < least) {
            least = error;
            best = p;
        }
    }
    const double step = 0.5 / kCandidates;
    best = refine(best, step, [&](double p) { return errorOf(p * lo, p * hi); });
    double low = best * lo, high = best * hi;
    if (!format.hasSymmetricRange())
        for (int round = 0; round < 2 && !ctx.cancelled(); ++round) {
            low = refine(low, 0.1 * std::fabs(low),
                         [&](double end) { return errorOf(std::min(end, 0.0), high); });
            high = refine(high, 0.1 * high, [&](double end) { return errorOf(low, std::max(end, 0.0)); });
            low = std::min(low, 0.0);
            high = std::max(high, 0.0);
        }
    return ClipSearchResult{low, high, errorOf(low, high)};
}

} // namespace qs
