#include "core/exec/channel_sums.h"

#include "core/base/parallel.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace qs {
namespace {

constexpr std::int64_t kLanes = 8;
// Written out as vectors: this compiler leaves loops that mix float and double scalar.
typedef float Floats __attribute__((vector_size(kLanes * sizeof(float))));
typedef float HalfFloats __attribute__((vector_size(kLanes / 2 * sizeof(float))));
typedef double HalfDoubles __attribute__((vector_size(kLanes / 2 * sizeof(double))));

template <typename Vector>
Vector load(const float *src) {
    Vector values;
    std::memcpy(&values, src, sizeof values);
    return values;
}

/// Of one channel.
struct Single {
    float min, max;
    double sum = 0, magnitudes = 0, squares = 0;

    explicit Single(float first) : min(first), max(first) {}
    void add(float x) {
        const double value = static_cast<double>(x);
        min = std::min(min, x);
        max = std::max(max, x);
        sum += value;
        magnitudes += std::fabs(value);
        squares += value * value;
    }
    void addTo(const ChannelSums &sums, std::int64_t channel) const {
        sums.min[channel] = std::min(sums.min[channel], min);
        sums.max[channel] = std::max(sums.max[channel], max);
        sums.sum[channel] += sum;
        sums.sumOfMagnitudes[channel] += magnitudes;
        sums.sumOfSquares[channel] += squares;
    }
};

/// Eight results side by side.
struct Lanes {
    Floats min, max;
    HalfDoubles sum[2] = {}, magnitudes[2] = {}, squares[2] = {};

    explicit Lanes(const Floats &first) : min(first), max(first) {}
    void add(const float *values) {
        const Floats x = load<Floats>(values);
        min = x < min ? x : min;
        max = x > max ? x : max;
        for (int half = 0; half < 2; ++half) {
            const auto value =
                __builtin_convertvector(load<HalfFloats>(values + half * kLanes / 2), HalfDoubles);
            sum[half] += value;
            magnitudes[half] += value < 0 ? -value : value;
            squares[half] += value * value;
        }
    }
    Single lane(int i) const {
        Single single(min[i]);
        single.max = max[i];
        single.sum = sum[i / 4][i % 4];
        single.magnitudes = magnitudes[i / 4][i % 4];
        single.squares = squares[i / 4][i % 4];
        return single;
    }
};

/// A channel whose values lie in rows: lanes are positions in the row.
void addRows(const ChannelView &view, const ChannelSums &sums, std::int64_t channel) {
    const float first = *view.row(0, channel);
    Lanes lanes(Floats{first, first, first, first, first, first, first, first});
    Single rest(first);
    for (std::int64_t block = 0; block < view.blocks; ++block) {
        const float *row = view.row(block, channel);
        std::int64_t i = 0;
        for (; i + kLanes <= view.inner; i += kLanes)
            lanes.add(row + i);
        for (; i < view.inner; ++i)
            rest.add(row[i]);
    }
    for (int lane = 0; lane < kLanes; ++lane)
        lanes.lane(lane).addTo(sums, channel);
    rest.addTo(sums, channel);
}

/// Eight channels whose values are neighbours: lanes are channels.
void addColumns(const ChannelView &view, const ChannelSums &sums, std::int64_t channel) {
    Lanes lanes(load<Floats>(view.row(0, channel)));
    for (std::int64_t block = 0; block < view.blocks; ++block)
        lanes.add(view.row(block, channel));
    for (int lane = 0; lane < kLanes; ++lane)
        lanes.lane(lane).addTo(sums, channel + lane);
}

/// The slow way: NaN and Inf are left out.
void addFinite(const ChannelView &view, const ChannelSums &sums, std::int64_t channel) {
    for (std::int64_t block = 0; block < view.blocks; ++block) {
        const float *row = view.row(block, channel);
        for (std::int64_t i = 0; i < view.inner; ++i)
            if (std::isfinite(row[i])) {
                Single one(row[i]);
                one.add(row[i]);
                one.addTo(sums, channel);
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
