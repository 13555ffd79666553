#pragma once

#include "core/metrics/sorted_values.h"
#include "core/numeric/number_format.h"

namespace qs {

/// What rounding values to a set of code points costs. Sums in float64.
struct FormatError {
    std::int64_t count = 0;   ///< finite values
    double sumOfSquares = 0;  ///< Σ x²
    double roundingError = 0; ///< Σ e² of the values that are not clipped
    double clippingError = 0; ///< Σ e² of those that are (CodePoints::isClipped)
    std::int64_t clippedBelow = 0, clippedAbove = 0;
    std::vector<std::int64_t> valuesPerPoint; ///< [points]

    double squaredError() const { return roundingError + clippingError; }
    double mse() const;              ///< Σ e² / n; 0 of nothing
    double sqnrDb() const;           ///< as ErrorMetrics: 150 when exact
    double clippedShare() const;     ///< of the values
    std::int64_t usedPoints() const; ///< that at least one value takes
};

/// Exact for the values that `values` holds; some µs per code point.
FormatError formatError(const SortedValues &values, const CodePoints &points);
/// The same as a plain loop over values in any order, NaN and Inf left out: the oracle.
FormatError formatErrorReference(std::span<const float> values, const CodePoints &points);

/// Equal bins over [lo, hi]: how many values, and Σ e² of them. The last bin includes hi.
struct BinnedError {
    double lo = 0, width = 1;
    std::vector<std::int64_t> counts; ///< [bins]
    std::vector<double> errors;       ///< [bins]: Σ e²; empty without code points

    double hi() const { return lo + width * static_cast<double>(counts.size()); }
    double left(std::size_t bin) const { return lo + width * static_cast<double>(bin); }
};
/// \param points  may be null: counts only.  \param lo, hi  finite, lo < hi.  \param bins  > 0
BinnedError binnedError(const SortedValues &values, const CodePoints *points, double lo, double hi, int bins);

/// The clip range whose squared error is least among the symmetric or proportional ones: [p·lo, p·hi] with
/// p = i/128, then the best one refined; of a range that is not symmetric each end is refined alone. A
/// search: the error has many local minima, so a better range may exist.
/// \param lo, hi  the range of the values
struct ClipSearchResult {
    double lo = 0, hi = 0;
    double squaredError = 0;
};
Result<ClipSearchResult> bestClipRange(const SortedValues &values, const NumberFormat &format, double lo,
                                       double hi, const RunContext &ctx);

} // namespace qs
