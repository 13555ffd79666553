#pragma once

#include "core/base/run_context.h"

#include <cstdint>
#include <span>
#include <vector>

namespace qs {

/// Equal-width bins over [lo, hi]; the last bin includes hi. Values outside and non-finite ones are counted
/// apart.
class Histogram {
public:
    Histogram() = default;
    /// \param lo, hi  lo <= hi, finite; a range without width is widened around its value.  \param bins  > 0
    Histogram(double lo, double hi, int bins);

    /// As it was stored. \param counts  not empty, none negative;  lo < hi, finite
    static Histogram fromCounts(double lo, double hi, std::vector<std::int64_t> counts);

    double lo() const { return m_lo; }
    double hi() const { return m_hi; }
    int bins() const { return static_cast<int>(m_counts.size()); }
    double binWidth() const { return (m_hi - m_lo) / bins(); }
    double binCenter(int bin) const { return m_lo + (bin + 0.5) * binWidth(); }
    const std::vector<std::int64_t> &counts() const { return m_counts; }
    std::int64_t total() const; ///< in all bins
    std::int64_t below() const { return m_below; }
    std::int64_t above() const { return m_above; }
    std::int64_t nonFinite() const { return m_nonFinite; }

    void add(std::span<const float> values);
    /// Adds values, growing the range by doubling the bin width (pairs of bins are joined) until they fit.
    /// After that at least a quarter of the bins lies within the values seen, if the first range did.
    void addGrowing(std::span<const float> values);
    /// Adds the counts of a histogram with the same bins.
    void merge(const Histogram &other);

private:
    void joinPairs(bool keepLow);

    double m_lo = 0, m_hi = 1;
    std::int64_t m_below = 0, m_above = 0, m_nonFinite = 0;
    std::vector<std::int64_t> m_counts;
};

/// Histogram of values over [lo, hi]. \thread parallel over fixed blocks
Result<Histogram> computeHistogram(std::span<const float> values, double lo, double hi, int bins,
                                   const RunContext &ctx);

} // namespace qs
