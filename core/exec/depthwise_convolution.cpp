#include "core/exec/depthwise_convolution.h"

#include "core/base/parallel.h"

namespace qs {
namespace {

/// dst[i] = src[i · stride]; written out for the usual strides, which then vectorise.
void copyEvery(std::int64_t stride, const float *src, float *dst, std::int64_t count) {
    if (stride == 1) {
        std::copy_n(src, count, dst);
    } else if (stride == 2) {
#pragma GCC ivdep // planes are apart
        for (std::int64_t i = 0; i < count; ++i)
            dst[i] = src[2 * i];
    } else {
        for (std::int64_t i = 0; i < count; ++i)
            dst[i] = src[i * stride];
    }
}

/// One padded source plane, its rows and columns sorted by their remainders modulo the strides: whatever the
/// strides, what one kernel element reads for all output positions is then one stretch of memory. Output
/// positions are counted with the pitch of such a phase, so a row has some unused positions at its end.
class PaddedPlane {
public:
    explicit PaddedPlane(const WindowPlan &window)
        : m_window(window), m_rows(phaseLength(1)), m_pitch(phaseLength(2)),
          m_values(static_cast<std::size_t>(window.stride[1] * window.stride[2] * m_rows * m_pitch), 0.0f) {
        for (std::int64_t y = 0; y < window.src[1]; ++y) {
            const std::int64_t padded = y + window.padBegin[1];
            m_rowStarts.push_back(phaseStart(padded % window.stride[1], 0) +
                                  padded / window.stride[1] * m_pitch);
        }
    }

    std::int64_t pitch() const { return m_pitch; }
    /// Positions from the first to the last output, unused ones between rows included.
    std::int64_t positions() const { return (m_window.dst[1] - 1) * m_pitch + m_window.dst[2]; }

    void load(const float *plane) {
        const std::int64_t stride = m_window.stride[2], shift = m_window.padBegin[2], width = m_window.src[2];
        for (std::int64_t phase = 0; phase < stride; ++phase) {
            // The padded columns phase, phase + stride, … that lie inside the source.
            const std::int64_t skipped = std::max<std::int64_t>(0, (shift - phase + stride - 1) / stride);
            const std::int64_t first = phase + skipped * stride - shift;
            const std::int64_t count = first >= width ? 0 : (width - first + stride - 1) / stride;
            float *dst = m_values.data() + phaseStart(0, phase) + skipped;
            for (std::int64_t y = 0; y < m_window.src[1]; ++y)
                copyEvery(stride, plane + y * width + first, dst + m_rowStarts[static_cast<std::size_t>(y)],
                          count);
        }
    }

    /// What kernel element (ky, kx) reads for output position 0; the following positions are neighbours.
    const float *source(std::int64_t ky, std::int64_t kx) const {
        const std::int64_t y = ky * m_window.dilation[1], x = kx * m_window.dilation[2];
        const std::int64_t strideY = m_window.stride[1], strideX = m_window.stride[2];
        return m_values.data() + phaseStart(y % strideY, x % strideX) + y / strideY * m_pitch + x / strideX;
    }

private:
    std::int64_t phaseLength(std::size_t axis) const {
        const std::int64_t padded = m_window.src[axis] + m_window.padBegin[axis] + m_window.padEnd[axis];
        return (padded + m_window.stride[axis] - 1) / m_window.stride[axis];
    }
    std::int64_t phaseStart(std::int64_t phaseY, std::int64_t phaseX) const {
        return (phaseY * m_window.stride[2] + phaseX) * m_rows * m_pitch;
    }

    const WindowPlan &m_window;
    std::int64_t m_rows, m_pitch;
    std::vector<float> m_values;
    std::vector<std::int64_t> m_rowStarts; ///< of the source rows within the phases of column remainder 0
};

/// All nine weights of a 3x3 kernel in one pass.
void convolve3x3(const PaddedPlane &plane, const float *weights, float bias, std::span<float> sums) {
    float w[9];
    const float *r[9];
    for (std::int64_t k = 0; k < 9; ++k) {
        w[k] = weights[k];
        r[k] = plane.source(k / 3, k % 3);
    }
    float *dst = sums.data();
    const std::int64_t count = plane.positions();
#pragma GCC ivdep // sums are apart from the plane
    for (std::int64_t i = 0; i < count; ++i)
        dst[i] = bias +
                 ((w[0] * r[0][i] + w[1] * r[1][i] + w[2] * r[2][i]) +
                  (w[3] * r[3][i] + w[4] * r[4][i] + w[5] * r[5][i])) +
                 (w[6] * r[6][i] + w[7] * r[7][i] + w[8] * r[8][i]);
}

void convolveAny(const PaddedPlane &plane, const WindowPlan &window, const float *weights, float bias,
                 std::span<float> sums) {
    float *dst = sums.data();
    const std::int64_t count = plane.positions();
    std::fill_n(dst, count, bias);
    for (std::int64_t k = 0; k < window.kernel[1] * window.kernel[2]; ++k) {
        const float *src = plane.source(k / window.kernel[2], k % window.kernel[2]);
        const float weight = weights[k];
#pragma GCC ivdep // sums are apart from the plane
        for (std::int64_t i = 0; i < count; ++i)
            dst[i] += weight * src[i];
    }
}

} // namespace

bool isDepthwise(const ConvolutionPlan &plan) {
    const WindowPlan &w = plan.window;
    // The padded plane is built in memory; a file may ask for a padding of any size.
    constexpr std::int64_t kMostPadding = 4096;
    return plan.groups == plan.srcChannels && w.src[0] == 1 && w.kernel[0] == 1 && w.dst[0] == 1 &&
           std::max({w.padBegin[1], w.padEnd[1], w.padBegin[2], w.padEnd[2]}) <= kMostPadding;
}

Status depthwiseConvolution(const ConvolutionPlan &plan, const float *src, const float *weights,
                            const float *bias, float *dst, const RunContext &ctx) {
    const WindowPlan &window = plan.window;
    const std::int64_t perGroup = plan.dstChannels / plan.groups;
    const bool is3x3 = window.kernel[1] == 3 && window.kernel[2] == 3;
    const std::int64_t grain = std::max<std::int64_t>(
        1, 200'000 / std::max<std::int64_t>(1, window.dstSize() * window.kernelSize()));
    return parallelFor(plan.batch * plan.dstChannels, grain, ctx, [&](std::int64_t begin, std::int64_t end) {
        PaddedPlane padded(window);
        std::vector<float> sums(static_cast<std::size_t>(padded.positions()));
        for (std::int64_t plane = begin; plane < end; ++plane) {
            const std::int64_t image = plane / plan.dstChannels, channel = plane % plan.dstChannels;
            padded.load(src + (image * plan.srcChannels + channel / perGroup) * window.srcSize());
            const float *w = weights + channel * window.kernelSize();
            const float start = bias ? bias[channel] : 0.0f;
            if (is3x3)
                convolve3x3(padded, w, start, sums);
            else
                convolveAny(padded, window, w, start, sums);
            for (std::int64_t y = 0; y < window.dst[1]; ++y)
                std::copy_n(sums.data() + y * padded.pitch(), window.dst[2],
                            dst + plane * window.dstSize() + y * window.dst[2]);
        }
    });
}

} // namespace qs
