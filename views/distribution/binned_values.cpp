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

ValueRange centralRange(const Histogram &histogram, double share) {
    const double total = static_cast<double>(histogram.total() + histogram.below() + histogram.above());
    const double tail = total * (1 - share) / 2;
    const auto &counts = histogram.counts();
    int first = 0, last = histogram.bins() - 1;
    for (double seen = static_cast<double>(histogram.below()); first < last; ++first) {
        seen += static_cast<double>(counts[static_cast<std::size_t>(first)]);
        if (seen > tail)
            break;
    }
    for (double seen = static_cast<double>(histogram.above()); last > first; --last) {
        seen += static_cast<double>(counts[static_cast<std::size_t>(last)]);
        if (seen > tail)
            break;
    }
    return {histogram.lo() + first * histogram.binWidth(),
            histogram.lo() + (last + 1) * histogram.binWidth()};
}

Result<ValueRange> centralRange(std::span<const float> values, double lo, double hi, double share,
                                const RunContext &ctx) {
    ValueRange range{lo, hi};
    for (int round = 0; round < kMaxRefinements && range.hi > range.lo; ++round) {
        QS_TRY(const Histogram histogram, computeHistogram(values, range.lo, range.hi, kQuantileBins, ctx));
        const ValueRange inner = centralRange(histogram, share);
        const bool isFine = inner.hi - inner.lo > 64 * histogram.binWidth();
        range = inner;
        if (isFine)
            break;
    }
    return range;
}

} // namespace qs::views
