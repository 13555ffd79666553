#include "plugins/rounding/leave_one_out.h"

#include <algorithm>
#include <limits>

namespace qs {
namespace {

/// Squared error of one value on the grid of a range.
double squaredError(double value, RealRange range, int steps, RoundingMode rounding) {
    const double scale = (range.hi - range.lo) / steps;
    const double code = std::clamp<double>(roundTo((value - range.lo) / scale, rounding), 0, steps);
    const double missed = value - (range.lo + scale * code);
    return missed * missed;
}

/// Smallest and largest values and where they stand.
struct Extremes {
    std::size_t lowest = 0, highest = 0;
    double nextLowest = 0, nextHighest = 0; ///< without the lowest or the highest one

    explicit Extremes(std::span<const float> values) {
        const auto [low, high] = std::minmax_element(values.begin(), values.end());
        lowest = static_cast<std::size_t>(low - values.begin());
        highest = static_cast<std::size_t>(high - values.begin());
        nextLowest = std::numeric_limits<double>::infinity();
        nextHighest = -nextLowest;
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (i != lowest)
                nextLowest = std::min<double>(nextLowest, values[i]);
            if (i != highest)
                nextHighest = std::max<double>(nextHighest, values[i]);
        }
    }
};

} // namespace

RealRange RealRange::of(double lowest, double highest) {
    if (lowest == highest)
        return {-1.0, 1.0};
    if (lowest > highest - lowest)
        lowest = highest / 2;
    else if (-highest > highest - lowest)
        highest = lowest / 2;
    return {lowest, highest};
}

std::vector<double> leaveOneOutGains(std::span<const float> values, std::span<const double> sensitivity,
                                     int steps, RoundingMode rounding) {
    const Extremes extremes(values);
    const double lowest = values[extremes.lowest];
    const double highest = values[extremes.highest];
    const RealRange whole = RealRange::of(lowest, highest);
    std::vector<double> gains(values.size());
    double base = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        gains[i] = sensitivity[i] * squaredError(values[i], whole, steps, rounding);
        base += gains[i];
    }
    const auto without = [&](std::size_t left, RealRange range) {
        double error = 0;
        for (std::size_t i = 0; i < values.size(); ++i)
            if (i != left)
                error += sensitivity[i] * squaredError(values[i], range, steps, rounding);
        return base - error;
    };
    gains[extremes.lowest] = without(extremes.lowest, RealRange::of(extremes.nextLowest, highest));
    gains[extremes.highest] = without(extremes.highest, RealRange::of(lowest, extremes.nextHighest));
    return gains;
}

} // namespace qs
