#include "core/exec/channel_sums.h"

#include "core/base/parallel.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

constexpr std::int64_t kLanes = 8;

/// Eight running results side by side, so that the loop over them vectorises.
struct Lanes {
    float min[kLanes], max[kLanes];
    double sum[kLanes] = {}, magnitudes[kLanes] = {}, squares[kLanes] = {};

    explicit Lanes(float first) {
        std::fill_n(min, kLanes, first);
        std::fill_n(max, kLanes, first);
    }
    void add(std::int64_t lane, float x) {
        const double value = static_cast<double>(x);
        min[lane] = x < min[lane] ? x : min[lane];
        max[lane] = x > max[lane] ? x : max[lane];
        sum[lane] += value;
        magnitudes[lane] += std::fabs(value);
        squares[lane] += value * value;
    }
    void addEight(const float *values) {
        for (std::int64_t lane = 0; lane < kLanes; ++lane)
            add(lane, values[lane]);
    }
    void addTo(const ChannelSums &sums, std::int64_t channel, std::int64_t lane) const {
        sums.min[channel] = std::min(sums.min[channel], min[lane]);
        sums.max[channel] = std::max(sums.max[channel], max[lane]);
        sums.sum[channel] += sum[lane];
        sums.sumOfMagnitudes[channel] += magnitudes[lane];
        sums.sumOfSquares[channel] += squares[lane];
    }
};

/// A channel whose values lie in rows: lanes are positions in the row.
void addRows(const ChannelView &view, const ChannelSums &sums, std::int64_t channel) {
    Lanes lanes(*view.row(0, channel));
    for (std::int64_t block = 0; block < view.blocks; ++block) {
        const float *row = view.row(block, channel);
        std::int64_t i = 0;
        for (; i + kLanes <= view.inner; i += kLanes)
            lanes.addEight(row + i);
        for (; i < view.inner; ++i)
            lanes.add(i % kLanes, row[i]);
    }
    for (std::int64_t lane = 0; lane < kLanes; ++lane)
        lanes.addTo(sums, channel, lane);
}

/// Eight channels whose values are neighbours: lanes are channels.
void addColumns(const ChannelView &view, const ChannelSums &sums, std::int64_t channel) {
    Lanes lanes(0);
    for (std::int64_t lane = 0; lane < kLanes; ++lane)
        lanes.min[lane] = lanes.max[lane] = *view.row(0, channel + lane);
    for (std::int64_t block = 0; block < view.blocks; ++block)
        lanes.addEight(view.row(block, channel));
    for (std::int64_t lane = 0; lane < kLanes; ++lane)
        lanes.addTo(sums, channel + lane, lane);
}

void addFinite(const ChannelView &view, const ChannelSums &sums, std::int64_t channel) {
    for (std::int64_t block = 0; block < view.blocks; ++block) {
        const float *row = view.row(block, channel);
        for (std::int64_t i = 0; i < view.inner; ++i)
            if (std::isfinite(row[i])) {
                Lanes one(row[i]);
                one.add(0, row[i]);
                one.addTo(sums, channel, 0);
            }
    }
}

} // namespace

Status addToChannels(const ChannelView &view, const ChannelSums &sums, bool allFinite,
                     const RunContext &ctx) {
    const std::int64_t perChannel = std::max<std::int64_t>(1, view.blocks * view.inner);
    const std::int64_t grain = (32768 / perChannel / kLanes + 1) * kLanes;
    return parallelFor(view.channels, grain, ctx, [&](std::int64_t begin, std::int64_t end) {
        std::int64_t channel = begin;
        for (; allFinite && view.inner == 1 && channel + kLanes <= end; channel += kLanes)
            addColumns(view, sums, channel);
        for (; channel < end; ++channel)
            allFinite ? addRows(view, sums, channel) : addFinite(view, sums, channel);
    });
}

} // namespace qs
