#pragma once

#include "core/quant/range_rule.h"
#include "core/tensor/histogram.h"
#include "core/tensor/tensor_scan.h"

namespace qs::views {

/// Counts in equal bins, fractional when they come from other bins; what lies outside is counted apart.
struct BinnedValues {
    double lo = 0, width = 1;
    std::vector<double> counts;
    double below = 0, above = 0;

    static BinnedValues empty(double lo, double hi, int bins);
    static BinnedValues of(const Histogram &histogram);

    double hi() const { return lo + width * static_cast<double>(counts.size()); }
    double center(std::size_t bin) const { return lo + (static_cast<double>(bin) + 0.5) * width; }
    /// The bin of a value, -1 when it lies outside.
    int binOf(double value) const;
    void add(double value, double count);
    /// Spreads counts evenly over [from, to].
    void spread(double from, double to, double count);
    double inside() const;
};

/// The counts of a histogram in other bins, each source bin spread evenly over those that it overlaps.
BinnedValues rebinned(const Histogram &source, double lo, double hi, int bins);

/// The range that holds `share` of the values, with equal tails; whole bins.
ValueRange centralRange(const Histogram &histogram, double share);
/// The same of a tensor: from its values where 16-bit floats were counted, so that no value more than need be
/// lies inside; else refined as below.
Result<ValueRange> centralRange(const TensorScan &scan, double share, const RunContext &ctx);
/// The same from the values themselves, refined until huge outliers no longer decide its resolution: the ends
/// lie at most 1/64 of the range beyond where they could.
Result<ValueRange> centralRange(std::span<const float> values, double lo, double hi, double share,
                                const RunContext &ctx);

} // namespace qs::views
