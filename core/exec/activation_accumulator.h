#pragma once

#include "core/exec/capture.h"
#include "core/exec/channel_sums.h"

namespace qs {

/// Folds the batches of one activation into a LayerCapture, viewed as [tokens, channels].
class ActivationAccumulator {
public:
    ActivationAccumulator(bool channelsFirst, std::int64_t sampleTokens)
        : m_channelsFirst(channelsFirst), m_sampleTokens(sampleTokens) {}

    /// \param input  float32: [..., channels], or [n, channels, spatial...] when channels come first
    /// \error InvalidArgument  the number of channels changed between batches;  Cancelled
    Status add(const Tensor &input, const RunContext &ctx);
    LayerCapture finish(LayerId layer) const;

    std::int64_t bytes() const; ///< held now
    /// The most that it will hold.
    static std::int64_t bytesFor(std::int64_t channels, std::int64_t sampleTokens);

private:
    Status addHistogram(std::span<const float> values, const TensorStats &stats, const RunContext &ctx);
    void addSample(const ChannelView &view);

    bool m_channelsFirst;
    std::int64_t m_sampleTokens;
    LayerCapture m_capture;
    std::vector<float> m_sample; ///< [tokens kept, channels]
};

} // namespace qs
