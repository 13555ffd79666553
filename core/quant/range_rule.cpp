#include "core/quant/range_rule.h"

#include "core/quant/range_search.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace qs {
namespace {

constexpr int kEntropyBins = 2048;
/// For work on one thread that cannot be cancelled.
const RunContext kSequential{{}, nullptr, 1};

bool isAsymmetric(const GridScheme &scheme) {
    return scheme.convention == GridConvention::Asymmetric;
}

double magnitude(ValueRange range) {
    return std::max(std::fabs(range.lo), std::fabs(range.hi));
}

ValueRange minMax(std::span<const float> values) {
    if (values.empty())
        return {};
    const Eigen::Map<const Eigen::ArrayXf> all(values.data(), static_cast<Eigen::Index>(values.size()));
    return {all.minCoeff(), all.maxCoeff()};
}

/// What the grid will cover: asymmetric ranges hold 0, the others are symmetric.
ValueRange gridRange(ValueRange range, const GridScheme &scheme) {
    if (isAsymmetric(scheme))
        return {std::min(range.lo, 0.0), std::max(range.hi, 0.0)};
    return {-magnitude(range), magnitude(range)};
}

/// Clips both sides of `full` at the same magnitude.
ValueRange clippedAt(double amax, ValueRange full, const GridScheme &scheme) {
    if (!isAsymmetric(scheme))
        return {-amax, amax};
    return {std::max(full.lo, -amax), std::min(full.hi, amax)};
}

/// Positive steps of the grid: data of one sign has all codes of an asymmetric grid for it.
int entropyLevels(ValueRange full, const GridScheme &scheme) {
    const bool oneSided = full.lo >= 0 || full.hi <= 0;
    return 1 << (isAsymmetric(scheme) && oneSided ? scheme.bits : scheme.bits - 1);
}

/// Quantile with linear interpolation between order statistics, as numpy's default. Reorders `values`.
double quantile(std::span<float> values, double q) {
    const double position = q * static_cast<double>(values.size() - 1);
    const auto lower = static_cast<std::size_t>(position);
    const auto nth = values.begin() + static_cast<std::ptrdiff_t>(lower);
    std::nth_element(values.begin(), nth, values.end());
    if (lower + 1 >= values.size())
        return *nth;
    const double next = *std::min_element(nth + 1, values.end());
    return *nth + (next - *nth) * (position - static_cast<double>(lower));
}

ValueRange percentileRange(std::span<const float> values, const GridScheme &scheme) {
    const double share = scheme.rule.percentile / 100;
    std::vector<float> copy(values.begin(), values.end());
    if (isAsymmetric(scheme)) {
        const double tail = (1 - share) / 2;
        return {quantile(copy, tail), quantile(copy, 1 - tail)};
    }
    for (float &value : copy)
        value = std::fabs(value);
    const double amax = quantile(copy, share);
    return {-amax, amax};
}

ValueRange entropyRange(std::span<const float> values, ValueRange full, const GridScheme &scheme) {
    const double amax = magnitude(full);
    if (amax == 0)
        return full;
    std::vector<double> counts(kEntropyBins);
    for (float value : values) {
        const auto bin =
            static_cast<std::size_t>(std::fabs(static_cast<double>(value)) / amax * kEntropyBins);
        counts[std::min<std::size_t>(bin, kEntropyBins - 1)] += 1;
    }
    const int bins = entropyClipBins(std::move(counts), entropyLevels(full, scheme));
    return clippedAt(amax * bins / kEntropyBins, full, scheme);
}

/// The counts of |x| over [0, amax]. A bin of the source is spread over the bins that it overlaps; there are
/// never more bins than the source can resolve, so the spike of exact zeros stays in the first.
std::vector<double> foldMagnitudes(const Histogram &histogram, double amax) {
    // The small number keeps a source of exactly as many bins from losing one to rounding.
    const double resolved = std::floor(amax / histogram.binWidth() + 1e-6);
    const auto bins = static_cast<int>(std::clamp<double>(resolved, 1, kEntropyBins));
    const double width = amax / bins;
    std::vector<double> folded(static_cast<std::size_t>(bins));
    auto spread = [&](double from, double to, double count) { // over [from, to], 0 <= from <= to
        const double first = std::clamp(from / width, 0.0, static_cast<double>(bins));
        const double last = std::clamp(to / width, first, static_cast<double>(bins));
        if (last <= first) {
            folded[std::min(static_cast<std::size_t>(first), folded.size() - 1)] += count;
            return;
        }
        for (auto bin = static_cast<std::size_t>(first);
             bin < folded.size() && static_cast<double>(bin) < last; ++bin) {
            const double overlap =
                std::min(last, static_cast<double>(bin + 1)) - std::max(first, static_cast<double>(bin));
            folded[bin] += count * overlap / (last - first);
        }
    };
    for (int bin = 0; bin < histogram.bins(); ++bin) {
        const auto count = static_cast<double>(histogram.counts()[static_cast<std::size_t>(bin)]);
        const double from = histogram.lo() + bin * histogram.binWidth(), to = from + histogram.binWidth();
        if (count == 0)
            continue;
        if (from >= 0 || to <= 0)
            spread(std::min(std::fabs(from), std::fabs(to)), std::max(std::fabs(from), std::fabs(to)), count);
        else
            folded[0] += count;
    }
    return folded;
}

/// Left edge, in bins, of the first bin at which the cumulated share reaches `share`; but never 0.
double percentileBin(std::span<const double> counts, double share) {
    double total = 0, cumulated = 0;
    for (double count : counts)
        total += count;
    for (std::size_t bin = 0; bin < counts.size(); ++bin)
        if ((cumulated += counts[bin]) >= share * total * (1 - 1e-12)) // spread counts are not exact
            return std::max<double>(1, static_cast<double>(bin));
    return static_cast<double>(counts.size());
}

ValueRange entropyFromHistogram(const Histogram &histogram, ValueRange full, const GridScheme &scheme) {
    std::vector<double> folded = foldMagnitudes(histogram, magnitude(full));
    const auto bins = static_cast<double>(folded.size());
    const int kept = entropyClipBins(std::move(folded), entropyLevels(full, scheme));
    return clippedAt(magnitude(full) * kept / bins, full, scheme);
}

ValueRange shrinkFromHistogram(const Histogram &histogram, ValueRange full, const GridScheme &scheme) {
    std::vector<float> centers;
    std::vector<double> counts;
    for (int bin = 0; bin < histogram.bins(); ++bin)
        if (const auto count = histogram.counts()[static_cast<std::size_t>(bin)]; count > 0) {
            centers.push_back(static_cast<float>(histogram.binCenter(bin)));
            counts.push_back(static_cast<double>(count));
        }
    const ValueRange range = gridRange(full, scheme);
    // Cannot fail: the context has no stop token.
    const double p = bestShrink(centers, counts, range, scheme, kSequential).value();
    return {p * range.lo, p * range.hi};
}

/// Values of which only this is known.
struct CountedInterval {
    double lo = 0, hi = 0;
    std::int64_t count = 0;
};

/// The bins that hold values, or their magnitudes. Values at an edge may have been counted beyond it.
std::vector<CountedInterval> intervalsOf(const Histogram &histogram, ValueRange full, bool magnitudes) {
    const double rounding = 1e-6 * histogram.binWidth();
    std::vector<CountedInterval> intervals;
    for (int bin = 0; bin < histogram.bins(); ++bin) {
        const std::int64_t count = histogram.counts()[static_cast<std::size_t>(bin)];
        if (count == 0)
            continue;
        const double from = histogram.lo() + bin * histogram.binWidth();
        const double lo = std::clamp(from - rounding, full.lo, full.hi);
        const double hi = std::clamp(from + histogram.binWidth() + rounding, full.lo, full.hi);
        if (!magnitudes)
            intervals.push_back({lo, hi, count});
        else if (lo <= 0 && hi >= 0)
            intervals.push_back({0, std::max(-lo, hi), count});
        else
            intervals.push_back(
                {std::min(std::fabs(lo), std::fabs(hi)), std::max(std::fabs(lo), std::fabs(hi)), count});
    }
    return intervals;
}

/// Of the value at place `rank` in order, when each lies at the given end of its interval.
double orderStatistic(std::vector<CountedInterval> &intervals, double CountedInterval::*end,
                      std::int64_t rank) {
    std::ranges::sort(intervals, {}, end);
    for (const CountedInterval &interval : intervals)
        if ((rank -= interval.count) < 0)
            return interval.*end;
    return intervals.back().*end;
}

/// Where quantile() of the values certainly lies: it interpolates between two neighbours.
ValueRange quantileBound(std::vector<CountedInterval> intervals, double q) {
    std::int64_t count = 0;
    for (const CountedInterval &interval : intervals)
        count += interval.count;
    const double position = q * static_cast<double>(count - 1);
    const auto lower = static_cast<std::int64_t>(position);
    const auto interpolated = [&](double CountedInterval::*end) {
        const double value = orderStatistic(intervals, end, lower);
        const double next = orderStatistic(intervals, end, std::min(lower + 1, count - 1));
        return value + (next - value) * (position - static_cast<double>(lower));
    };
    return {interpolated(&CountedInterval::lo), interpolated(&CountedInterval::hi)};
}

/// The edge of a bin, unless the quantile of the values certainly lies more than a bin away: then its nearest
/// place. Of few values the share may be reached by the largest only.
double edgeNear(double edge, double binWidth, ValueRange bound) {
    const double nearest = std::clamp(edge, bound.lo, bound.hi);
    return std::fabs(nearest - edge) > binWidth ? nearest : edge;
}

ValueRange percentileFromHistogram(const Histogram &histogram, ValueRange full, const GridScheme &scheme) {
    const double share = scheme.rule.percentile / 100;
    if (share >= 1)
        return full;
    if (!isAsymmetric(scheme)) {
        const std::vector<double> folded = foldMagnitudes(histogram, magnitude(full));
        const double width = magnitude(full) / static_cast<double>(folded.size());
        const double amax = edgeNear(width * percentileBin(folded, share), width,
                                     quantileBound(intervalsOf(histogram, full, true), share));
        return {-amax, amax};
    }
    std::vector<double> counts(histogram.counts().begin(), histogram.counts().end());
    const double width = histogram.binWidth(), tail = (1 - share) / 2;
    const double hi = histogram.lo() + percentileBin(counts, 1 - tail) * width;
    std::reverse(counts.begin(), counts.end());
    const double lo = histogram.hi() - percentileBin(counts, 1 - tail) * width;
    const std::vector<CountedInterval> bins = intervalsOf(histogram, full, false);
    return {std::clamp(edgeNear(lo, width, quantileBound(bins, tail)), full.lo, full.hi),
            std::clamp(edgeNear(hi, width, quantileBound(bins, 1 - tail)), full.lo, full.hi)};
}

/// A range with no width although there are values to cover is replaced by all of them.
ValueRange orFull(ValueRange range, ValueRange full, const GridScheme &scheme) {
    const ValueRange covered = gridRange(range, scheme);
    return covered.lo == covered.hi ? full : range;
}

} // namespace

std::string_view rangeRuleName(RangeRule::Kind kind) {
    switch (kind) {
    case RangeRule::Kind::MinMax:
        return "minmax";
    case RangeRule::Kind::Percentile:
        return "percentile";
    case RangeRule::Kind::Mse:
        return "mse";
    case RangeRule::Kind::Kl:
        return "kl";
    }
    return "minmax";
}

Result<RangeRule::Kind> rangeRuleFromName(std::string_view name) {
    using Kind = RangeRule::Kind;
    for (Kind kind : {Kind::MinMax, Kind::Percentile, Kind::Mse, Kind::Kl})
        if (name == rangeRuleName(kind))
            return kind;
    return fail(ErrorCode::InvalidArgument,
                fmt::format("'{}' is no range rule; use minmax, percentile, mse or kl", name));
}

Result<ValueRange> chooseRange(std::span<const float> values, const GridScheme &scheme,
                               const RunContext &ctx) {
    const ValueRange full = minMax(values);
    if (values.empty() || magnitude(full) == 0)
        return full;
    switch (scheme.rule.kind) {
    case RangeRule::Kind::MinMax:
        return full;
    case RangeRule::Kind::Percentile:
        return orFull(percentileRange(values, scheme), full, scheme);
    case RangeRule::Kind::Kl:
        return orFull(entropyRange(values, full, scheme), full, scheme);
    case RangeRule::Kind::Mse:
        break;
    }
    const ValueRange range = gridRange(full, scheme);
    QS_TRY(const double p, bestShrink(values, {}, range, scheme, ctx));
    return ValueRange{p * range.lo, p * range.hi};
}

ValueRange chooseRange(std::span<const float> values, const GridScheme &scheme) {
    // Cannot fail: the context has no stop token.
    return chooseRange(values, scheme, kSequential).value();
}

ValueRange chooseRangeFromHistogram(const Histogram &histogram, double exactMin, double exactMax,
                                    const GridScheme &scheme) {
    const ValueRange full{exactMin, exactMax};
    if (histogram.total() == 0 || magnitude(full) == 0)
        return full;
    switch (scheme.rule.kind) {
    case RangeRule::Kind::MinMax:
        return full;
    case RangeRule::Kind::Percentile:
        return orFull(percentileFromHistogram(histogram, full, scheme), full, scheme);
    case RangeRule::Kind::Mse:
        return shrinkFromHistogram(histogram, full, scheme);
    case RangeRule::Kind::Kl:
        return orFull(entropyFromHistogram(histogram, full, scheme), full, scheme);
    }
    return full;
}

std::optional<RangeBound> percentileBound(const Histogram &histogram, double exactMin, double exactMax,
                                          const GridScheme &scheme) {
    const ValueRange full{exactMin, exactMax};
    const double share = scheme.rule.percentile / 100;
    if (scheme.rule.kind != RangeRule::Kind::Percentile || histogram.total() == 0 || magnitude(full) == 0)
        return {};
    if (share >= 1) {
        const ValueRange whole = gridRange(full, scheme);
        return RangeBound{{whole.lo, whole.lo}, {whole.hi, whole.hi}};
    }
    const ValueRange chosen = percentileFromHistogram(histogram, full, scheme);
    if (const ValueRange covered = gridRange(chosen, scheme); covered.lo == covered.hi)
        return {}; // the full range stands in for it
    if (!isAsymmetric(scheme)) {
        const ValueRange end = quantileBound(intervalsOf(histogram, full, true), share);
        return RangeBound{{-end.hi, -end.lo}, end};
    }
    const double tail = (1 - share) / 2;
    const std::vector<CountedInterval> bins = intervalsOf(histogram, full, false);
    const ValueRange low = quantileBound(bins, tail), high = quantileBound(bins, 1 - tail);
    return RangeBound{{std::min(low.lo, 0.0), std::min(low.hi, 0.0)},
                      {std::max(high.lo, 0.0), std::max(high.hi, 0.0)}};
}

ScaleZero fitGrid(std::span<const float> values, const GridScheme &scheme, bool scaleAsFloat16) {
    const ValueRange range = chooseRange(values, scheme);
    return gridForRange(range.lo, range.hi, scheme.bits, scheme.convention, scaleAsFloat16);
}

} // namespace qs
