#include "core/exec/activation_accumulator.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace qs {
namespace {

/// Growing doubles the range, to one side and then perhaps to the other, which can leave a quarter of the
/// bins in use: four times the bins keep 2048 at least.
constexpr int kHistogramBins = 8192;

constexpr std::int64_t kChannelBytes = 2 * sizeof(float) + 3 * sizeof(double);

Histogram initialHistogram(const TensorStats &stats) {
    double lo = stats.min, hi = stats.max;
    if (!(hi > lo)) { // constant so far: any width around it, growing takes care of the rest
        const double margin = std::max(std::abs(lo) * 1e-3, 1e-6);
        lo -= margin;
        hi += margin;
    }
    return Histogram(lo, hi, kHistogramBins);
}

} // namespace

Status ActivationAccumulator::add(const Tensor &input, const RunContext &ctx) {
    const Shape &shape = input.shape();
    const int channelAxis = m_channelsFirst ? 1 : shape.rank() - 1;
    if (shape.rank() == 0 || channelAxis >= shape.rank() || input.numel() == 0)
        return {};
    const std::int64_t channels = shape[channelAxis];
    if (m_capture.channels != 0 && channels != m_capture.channels)
        return fail(ErrorCode::InvalidArgument, fmt::format("the number of channels changed from {} to {}",
                                                            m_capture.channels, channels));
    if (m_capture.channels == 0) {
        m_capture.channels = channels;
        m_capture.channelMin.assign(static_cast<std::size_t>(channels),
                                    std::numeric_limits<float>::infinity());
        m_capture.channelMax.assign(static_cast<std::size_t>(channels),
                                    -std::numeric_limits<float>::infinity());
        for (auto *sums :
             {&m_capture.channelSum, &m_capture.channelSumOfMagnitudes, &m_capture.channelSumOfSquares})
            sums->assign(static_cast<std::size_t>(channels), 0.0);
        m_sample.reserve(static_cast<std::size_t>(m_sampleTokens * channels));
    }
    const auto values = input.values<float>();
    QS_TRY(const TensorStats stats, computeStats(values, ctx));
    QS_CHECK_OK(addHistogram(values, stats, ctx));
    m_capture.stats.merge(stats);
    const ChannelView view{values.data(), shape.numelBetween(0, channelAxis), channels,
                           shape.numelBetween(channelAxis + 1, shape.rank())};
    const ChannelSums sums{m_capture.channelMin.data(), m_capture.channelMax.data(),
                           m_capture.channelSum.data(), m_capture.channelSumOfMagnitudes.data(),
                           m_capture.channelSumOfSquares.data()};
    QS_CHECK_OK(addToChannels(view, sums, stats.nanCount + stats.infCount == 0, ctx));
    addSample(view);
    m_capture.tokens += view.blocks * view.inner;
    return {};
}

Status ActivationAccumulator::addHistogram(std::span<const float> values, const TensorStats &stats,
                                           const RunContext &ctx) {
    Histogram &histogram = m_capture.histogram;
    if (histogram.total() == 0 && stats.count > 0)
        histogram = initialHistogram(stats);
    if (stats.count == 0 || stats.min < histogram.lo() || stats.max > histogram.hi()) {
        histogram.addGrowing(values);
        return {};
    }
    QS_TRY(const Histogram batch,
           computeHistogram(values, histogram.lo(), histogram.hi(), histogram.bins(), ctx));
    histogram.merge(batch);
    return {};
}

void ActivationAccumulator::addSample(const ChannelView &view) {
    std::int64_t kept = static_cast<std::int64_t>(m_sample.size()) / view.channels;
    for (std::int64_t block = 0; block < view.blocks && kept < m_sampleTokens; ++block)
        for (std::int64_t i = 0; i < view.inner && kept < m_sampleTokens; ++i, ++kept)
            for (std::int64_t c = 0; c < view.channels; ++c)
                m_sample.push_back(view.row(block, c)[i]);
}

std::int64_t ActivationAccumulator::bytes() const {
    const auto channels = static_cast<std::int64_t>(m_capture.channelMin.size());
    const auto bins = static_cast<std::int64_t>(m_capture.histogram.counts().size());
    return bins * 8 + channels * kChannelBytes +
           static_cast<std::int64_t>(m_sample.capacity() * sizeof(float));
}

std::int64_t ActivationAccumulator::bytesFor(std::int64_t channels, std::int64_t sampleTokens) {
    return kHistogramBins * 8 + channels * (kChannelBytes + sampleTokens * 4);
}

LayerCapture ActivationAccumulator::finish(LayerId layer) const {
    LayerCapture capture = m_capture;
    capture.layer = layer;
    for (std::size_t c = 0; c < capture.channelMin.size(); ++c)
        if (capture.channelMin[c] > capture.channelMax[c]) // nothing finite was seen in this channel
            capture.channelMin[c] = capture.channelMax[c] = 0.0f;
    const std::int64_t kept =
        capture.channels > 0 ? static_cast<std::int64_t>(m_sample.size()) / capture.channels : 0;
    capture.sample = Tensor::fromValues<float>({kept, capture.channels}, m_sample);
    return capture;
}

} // namespace qs
