#include "plugins/transform/norm_reparameterization.h"

#include "plugins/support/run_blocks.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace qs {
namespace {

constexpr double kPercentiles[] = {0.999, 0.9999, 0.99999};
/// Steps below this share of the mean step would divide the gain of the norm by almost nothing.
constexpr double kLeastStepShare = 1e-3;

double quantile(std::span<const float> sorted, double share) {
    const double position = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(position);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    const double part = position - static_cast<double>(below);
    return sorted[below] + part * (static_cast<double>(sorted[above]) - sorted[below]);
}

double stepOf(ChannelRange range, int bits) {
    return (range.hi - range.lo) / ((1 << bits) - 1);
}

double code(double value, double step, double zeroPoint, int bits) {
    return std::clamp(std::nearbyint(value / step) + zeroPoint, 0.0, static_cast<double>((1 << bits) - 1));
}

/// Σ (x − x̂)² on the grid of a range; a range without width stands for its one value.
double squaredError(std::span<const float> values, ChannelRange range, int bits) {
    const double step = stepOf(range, bits);
    const double zeroPoint = step > 0 ? std::nearbyint(-range.lo / step) : 0;
    double sum = 0;
    for (float value : values) {
        const double rounded = step > 0 ? step * (code(value, step, zeroPoint, bits) - zeroPoint) : range.lo;
        sum += (value - rounded) * (value - rounded);
    }
    return sum;
}

ChannelRange rangeOf(const SiteData &site, std::int64_t channel, const ReparameterizationOptions &options) {
    std::vector<float> values(static_cast<std::size_t>(site.inputs.rows));
    for (std::int64_t token = 0; token < site.inputs.rows; ++token)
        values[static_cast<std::size_t>(token)] = site.inputs(token, channel);
    std::sort(values.begin(), values.end());
    const ChannelRange range = percentileRange(values, options.bits);
    return options.dualClipping
               ? dualClippedRange(values, range, options.bits, options.lowestFactor, options.factorSteps)
               : range;
}

double mean(const std::vector<double> &values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Steps and zero points of the ranges; steps that are (almost) 0 are raised and counted.
std::int64_t fillGrids(const std::vector<ChannelRange> &ranges, int bits, ChannelGrids &grids) {
    for (const ChannelRange &range : ranges)
        grids.step.push_back(stepOf(range, bits));
    const double average = mean(grids.step);
    const double least = average > 0 ? kLeastStepShare * average : 1.0;
    std::int64_t floored = 0;
    for (std::size_t channel = 0; channel < ranges.size(); ++channel) {
        if (grids.step[channel] < least) {
            grids.step[channel] = least;
            ++floored;
        }
        grids.zeroPoint.push_back(std::nearbyint(-ranges[channel].lo / grids.step[channel]));
    }
    return floored;
}

} // namespace

ChannelRange percentileRange(std::span<const float> sorted, int bits) {
    ChannelRange best;
    double least = std::numeric_limits<double>::infinity();
    for (double share : kPercentiles) {
        const ChannelRange range{quantile(sorted, 1 - share), quantile(sorted, share)};
        const double error = squaredError(sorted, range, bits);
        if (error < least) {
            least = error;
            best = range;
        }
    }
    return best;
}

ChannelRange dualClippedRange(std::span<const float> sorted, ChannelRange range, int bits, double lowest,
                              int steps) {
    ChannelRange best = range;
    double least = squaredError(sorted, range, bits);
    auto factor = [&](int index) { return 1 - (1 - lowest) * index / (steps - 1); };
    for (int upper = 0; upper < steps; ++upper)
        for (int lower = 0; lower < steps; ++lower) {
            const ChannelRange clipped{factor(lower) * range.lo, factor(upper) * range.hi};
            if (clipped.lo >= clipped.hi)
                continue;
            const double error = squaredError(sorted, clipped, bits);
            if (error < least) {
                least = error;
                best = clipped;
            }
        }
    return best;
}

Result<Reparameterization> reparameterizeNorm(const SiteData &site, const ReparameterizationOptions &options,
                                              const TransformServices &services) {
    std::vector<ChannelRange> ranges(static_cast<std::size_t>(site.channels));
    QS_CHECK_OK(runBlocks(site.channels, 1, services, [&](std::int64_t channel, std::int64_t) {
        ranges[static_cast<std::size_t>(channel)] = rangeOf(site, channel, options);
    }));
    Reparameterization result;
    result.flooredChannels = fillGrids(ranges, options.bits, result.grids);
    result.step = mean(result.grids.step);
    // Any integer will do; one that has 0 on the grid can be stored.
    result.zeroPoint = std::clamp(std::nearbyint(mean(result.grids.zeroPoint)), 0.0,
                                  static_cast<double>((1 << options.bits) - 1));
    result.change = ChannelChange::none(site.channels);
    for (std::size_t channel = 0; channel < ranges.size(); ++channel) {
        const double step = result.grids.step[channel];
        result.change.scale[channel] = static_cast<float>(step / result.step);
        result.change.shift[channel] =
            static_cast<float>(-step * (result.grids.zeroPoint[channel] - result.zeroPoint));
    }
    return result;
}

std::int64_t differingCodes(const SiteData &site, const Reparameterization &result, int bits) {
    std::int64_t differing = 0;
    for (std::int64_t token = 0; token < site.inputs.rows; ++token)
        for (std::int64_t channel = 0; channel < site.channels; ++channel) {
            const auto at = static_cast<std::size_t>(channel);
            const double value = site.inputs(token, channel);
            const double changed = (value - result.change.shift[at]) / result.change.scale[at];
            if (code(value, result.grids.step[at], result.grids.zeroPoint[at], bits) !=
                code(changed, result.step, result.zeroPoint, bits))
                ++differing;
        }
    return differing;
}

} // namespace qs
