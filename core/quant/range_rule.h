#pragma once

#include "core/base/run_context.h"
#include "core/numeric/integer_grid.h"
#include "core/tensor/histogram.h"

#include <optional>
#include <span>

namespace qs {

/// How the range [lo, hi] that the grid covers is chosen from values or from a histogram.
/// \source methods A, A1
struct RangeRule {
    enum class Kind {
        MinMax,
        Percentile, ///< symmetric: quantile of |x|; asymmetric: the two tails share 1 - percentile
        Mse, ///< shrink search over [p·lo, p·hi], p = 1, 1-1/gridSteps, …; minimises Σ|Q(x)-x|^norm
        Kl,  ///< entropy calibration on 2048 bins of |x|; clips both sides at the same magnitude
    };
    Kind kind = Kind::MinMax;
    double percentile = 99.99; ///< Percentile, in percent
    double norm = 2.4;         ///< Mse: exponent l
    int gridSteps = 100;       ///< Mse: candidates per unit of p
    double maxShrink = 0.8;    ///< Mse: floor(maxShrink·gridSteps) candidates, at least the one of p = 1

    bool operator==(const RangeRule &) const = default;
};

std::string_view rangeRuleName(RangeRule::Kind kind); ///< "minmax", "percentile", "mse", "kl"
Result<RangeRule::Kind> rangeRuleFromName(std::string_view name);

/// A chosen range in value units.
struct ValueRange {
    double lo = 0;
    double hi = 0;
};

/// The full description of an integer grid but for its range.
struct GridScheme {
    int bits = 8;
    GridConvention convention = GridConvention::Asymmetric;
    RangeRule rule;
    RoundingMode rounding = RoundingMode::HalfEven;

    bool operator==(const GridScheme &) const = default;
};

/// Range of a slice of finite values. A rule that would leave no width (a percentile of mostly zeros) falls
/// back to min-max, so that all-zero slices are the only ones without a range. \error  Cancelled \thread the
/// candidates of Mse run in parallel; the result does not depend on the thread count
Result<ValueRange> chooseRange(std::span<const float> values, const GridScheme &scheme,
                               const RunContext &ctx);
/// The same on the calling thread, for slices that are small or of which many are done at once.
ValueRange chooseRange(std::span<const float> values, const GridScheme &scheme);

/// The same from a streamed histogram: a bin counts as its centre. Min-max is exact.
/// \param exactMin, exactMax  of all finite values; no range reaches beyond them
/// \source methods A, A1 steps 4-6
ValueRange chooseRangeFromHistogram(const Histogram &histogram, double exactMin, double exactMax,
                                    const GridScheme &scheme);

/// How far a range that was chosen from bins may be off: where each end would lie if every value were known.
struct RangeBound {
    ValueRange low, high;
};
/// Of a percentile, certainly; nothing for other rules, and where the percentile leaves no width.
/// \param histogram  of all values;  exactMin, exactMax  as above
std::optional<RangeBound> percentileBound(const Histogram &histogram, double exactMin, double exactMax,
                                          const GridScheme &scheme);

/// Scale and zero point of a slice: chooseRange, then gridForRange.
ScaleZero fitGrid(std::span<const float> values, const GridScheme &scheme, bool scaleAsFloat16);

} // namespace qs
