#pragma once

#include "core/numeric/integer_grid.h"
#include "core/tensor/matrix_view.h"

#include <nlohmann/json_fwd.hpp>

namespace qs {

/// How the range [lo, hi] that the grid covers is chosen from values or from a histogram.
/// \source methods A, A1
struct RangeRule {
    enum class Kind {
        MinMax,
        Percentile, ///< symmetric: quantile of |x|; asymmetric: the two tails share 1 - percentile
        Mse,        ///< shrink search: p in {1, 1-1/grid, …}; minimises sum |Q(x)-x|^norm
        Kl,         ///< entropy calibration on 2048 bins of |x|; activations, or weights as one histogram a slice
    };
    Kind kind = Kind::MinMax;
    double percentile = 99.99; ///< Percentile, in percent
    double norm = 2.4;         ///< Mse: exponent l
    int gridSteps = 100;       ///< Mse: candidates per unit of p
    double maxShrink = 0.8;    ///< Mse: smallest p is 1 - maxShrink

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

/// Range of a slice of finite values (may be strided through `values` gathered by the caller).
/// \thread pure
ValueRange chooseRange(std::span<const float> values, const GridScheme &scheme);

/// Scale and zero point of a slice: chooseRange, then gridForRange.
/// \param scaleAsFloat16  the scale is stored as float16: it is rounded (and clamped to [6e-8, 6.5e4]) here,
///                        before codes are made, so codes and stored scale agree
ScaleZero fitGrid(std::span<const float> values, const GridScheme &scheme, bool scaleAsFloat16);

} // namespace qs
