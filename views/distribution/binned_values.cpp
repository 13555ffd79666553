#include "views/distribution/binned_values.h"

#include <cmath>
#include <numeric>

namespace qs::views {

namespace {

constexpr int kQuantileBins = 8192;
constexpr int kMaxRefinements = 6;

} // namespace

BinnedValues BinnedValues::empty(double lo, double hi, int bins) {
    if (!(hi > lo)) {
        const double margin = lo == 0 ? 1 : std::abs(lo) / 2;
        hi = lo + margin;
        lo -= margin;
    }
    return {lo, (hi - lo) / bins, std::vector<double>(static_cast<std::size_t>(bins), 0.0), 0, 0};
}

BinnedValues BinnedValues::of(const Histogram &histogram) {
    BinnedValues result = empty(histogram.lo(), histogram.hi(), histogram.bins());
    std::transform(histogram.counts().begin(), histogram.counts().end(), result.counts.begin(),
                   [](std::int64_t count) { return static_cast<double>(count); });
    result.below = static_cast<double>(histogram.below());
    result.above = static_cast<double>(histogram.above());
    return result;
}

int BinnedValues::binOf(double value) const {
    const double last = static_cast<double>(counts.size()) - 1;
    // The upper limit belongs to the last bin; sums of widths miss it by a rounding error.
    const double position = (value - lo) / width;
    if (!(position >= -1e-9) || position > last + 1 + 1e-9)
        return -1;
    return static_cast<int>(std::clamp(std::floor(position), 0.0, last));
}

void BinnedValues::add(double value, double count) {
    if (const int bin = binOf(value); bin >= 0)
        counts[static_cast<std::size_t>(bin)] += count;
    else
        (value < lo ? below : above) += count;
}

void BinnedValues::spread(double from, double to, double count) {
    const double density = count / (to - from);
    below += density * std::max(0.0, std::min(to, lo) - from);
    above += density * std::max(0.0, to - std::max(from, hi()));
    const int first = std::max(0, static_cast<int>(std::floor((from - lo) / width)));
    const int last =
        std::min(static_cast<int>(counts.size()) - 1, static_cast<int>(std::floor((to - lo) / width)));
    for (int bin = first; bin <= last; ++bin) {
        const double left = lo + bin * width;
        const double overlap = std::min(to, left + width) - std::max(from, left);
        counts[static_cast<std::size_t>(bin)] += density * std::max(0.0, overlap);
    }
}

double BinnedValues::inside() const {
    return std::accumulate(counts.begin(), counts.end(), 0.0);
}

BinnedValues rebinned(const Histogram &source, double lo, double hi, int bins) {
    BinnedValues result = BinnedValues::empty(lo, hi, bins);
    result.below = static_cast<double>(source.below());
    result.above = static_cast<double>(source.above());
    for (int bin = 0; bin < source.bins(); ++bin)
        if (const std::int64_t count = source.counts()[static_cast<std::size_t>(bin)]; count > 0) {
            const double left = source.lo() + bin * source.binWidth();
            result.spread(left, left + source.binWidth(), static_cast<double>(count));
        }
    return result;
}

namespace {

/// \param counts  of bins over [lo, lo + width · bins];  below, above: counts outside
ValueRange centralBins(const std::vector<std::int64_t> &counts, double lo, double width, double below,
                       double above, double share) {
    const double total = std::accumulate(counts.begin(), counts.end(), below + above);
    const double tail = total * (1 - share) / 2;
    std::size_t first = 0, last = counts.size() - 1;
    for (double seen = below; first < last; ++first) {
        seen += static_cast<double>(counts[first]);
        if (seen > tail)
            break;
    }
    for (double seen = above; last > first; --last) {
        seen += static_cast<double>(counts[last]);
        if (seen > tail)
            break;
    }
    return {lo + static_cast<double>(first) * width, lo + static_cast<double>(last + 1) * width};
}

ValueRange centralBins(const BinCounts &bins, double share) {
    return centralBins(bins.counts, bins.lo, (bins.hi - bins.lo) / static_cast<double>(bins.counts.size()),
                       static_cast<double>(bins.below), static_cast<double>(bins.above), share);
}

/// \param binsOver  (lo, hi) → Result<BinCounts>
template <typename BinsOver>
Result<ValueRange> refinedRange(ValueRange range, double share, BinsOver binsOver) {
    for (int round = 0; round < kMaxRefinements && range.hi > range.lo; ++round) {
        QS_TRY(const BinCounts bins, binsOver(range.lo, range.hi));
        const double width = (range.hi - range.lo) / kQuantileBins;
        range = centralBins(bins, share);
        if (range.hi - range.lo > 64 * width)
            break;
    }
    return range;
}

} // namespace

ValueRange centralRange(const Histogram &histogram, double share) {
    return centralBins(histogram.counts(), histogram.lo(), histogram.binWidth(),
                       static_cast<double>(histogram.below()), static_cast<double>(histogram.above()), share);
}

Result<ValueRange> centralRange(const TensorScan &scan, double share, const RunContext &ctx) {
    const std::int64_t count = scan.stats().count;
    if (const PatternCounts *patterns = scan.patterns(); patterns && count > 0) {
        const auto outside =
            static_cast<std::int64_t>(static_cast<double>(count) * (1 - share) / 2); // at each end
        return ValueRange{patterns->atRank(outside + 1), patterns->atRank(count - outside)};
    }
    return refinedRange({scan.stats().min, scan.stats().max}, share,
                        [&](double lo, double hi) { return scan.bins(lo, hi, kQuantileBins, ctx); });
}

Result<ValueRange> centralRange(std::span<const float> values, double lo, double hi, double share,
                                const RunContext &ctx) {
    return refinedRange({lo, hi}, share, [&](double from, double to) -> Result<BinCounts> {
        QS_TRY(const Histogram bins, computeHistogram(values, from, to, kQuantileBins, ctx));
        return BinCounts{from, to, bins.counts(), bins.below(), bins.above()};
    });
}

} // namespace qs::views
