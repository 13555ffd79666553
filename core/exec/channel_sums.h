#pragma once

#include "core/base/run_context.h"

namespace qs {

/// A float32 activation as [blocks, channels, inner]: every pixel or token of a channel counts alike.
struct ChannelView {
    const float *values = nullptr;
    std::int64_t blocks = 0, channels = 0, inner = 0;

    const float *row(std::int64_t block, std::int64_t channel) const {
        return values + (block * channels + channel) * inner;
    }
};

/// What is summed up per channel; [channels] each.
struct ChannelSums {
    float *min = nullptr, *max = nullptr;
    double *sum = nullptr, *sumOfMagnitudes = nullptr, *sumOfSquares = nullptr;
};

/// Adds all values of the view; NaN and Inf are left out.
/// \param allFinite  whether there are none: the fast way
/// \error Cancelled
/// \thread parallel over channels
Status addToChannels(const ChannelView &view, const ChannelSums &sums, bool allFinite, const RunContext &ctx);

} // namespace qs
