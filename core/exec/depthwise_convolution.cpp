#include "core/exec/depthwise_convolution.h"

#include "core/base/parallel.h"

#include <cstring>

namespace qs {
namespace {

/// One padded source plane, its columns sorted by their remainder modulo the horizontal stride: whatever the
/// stride, all positions of one kernel element are then neighbours in memory.
class PaddedPlane {
public:
    explicit PaddedPlane(const WindowPlan &window)
        : m_window(window), m_height(window.src[1] + window.padBegin[1] + window.padEnd[1]),
          m_pitch((window.src[2] + window.padBegin[2] + window.padEnd[2] + window.stride[2] - 1) /
                  window.stride[2]),
          m_values(static_cast<std::size_t>(window.stride[2] * m_height * m_pitch), 0.0f) {}

    void load(const float *plane) {
        const std::int64_t stride = m_window.stride[2], begin = m_window.padBegin[2], width = m_window.src[2];
        for (std::int64_t y = 0; y < m_window.src[1]; ++y) {
            const float *src = plane + y * width;
            if (stride == 1) {
                std::memcpy(at(0, y + m_window.padBegin[1]) + begin, src,
                            static_cast<std::size_t>(width) * sizeof(float));
                continue;
            }
            for (std::int64_t phase = 0; phase < stride; ++phase) {
                // Padded columns phase, phase + stride, … that lie inside the source.
                const std::int64_t skipped = std::max<std::int64_t>(0, (begin - phase + stride - 1) / stride);
                float *dst = at(phase, y + m_window.padBegin[1]);
                for (std::int64_t i = skipped, x = phase + skipped * stride - begin; x < width;
                     ++i, x += stride)
                    dst[i] = src[x];
            }
        }
    }

    /// What kernel element (ky, kx) reads for the output row y, output column 0 first.
    const float *row(std::int64_t y, std::int64_t ky, std::int64_t kx) const {
        const std::int64_t column = kx * m_window.dilation[2], stride = m_window.stride[2];
        return at(column % stride, y * m_window.stride[1] + ky * m_window.dilation[1]) + column / stride;
    }

private:
    std::int64_t offset(std::int64_t phase, std::int64_t y) const { return (phase * m_height + y) * m_pitch; }
    const float *at(std::int64_t phase, std::int64_t y) const { return m_values.data() + offset(phase, y); }
    float *at(std::int64_t phase, std::int64_t y) { return m_values.data() + offset(phase, y); }

    const WindowPlan &m_window;
    std::int64_t m_height, m_pitch;
    std::vector<float> m_values;
};

/// A 3x3 row: one pass with all nine weights in registers.
void row3x3(const PaddedPlane &plane, std::int64_t y, const float *w, float bias, float *dst,
            std::int64_t width) {
    const float *r[9];
    for (std::int64_t k = 0; k < 9; ++k)
        r[k] = plane.row(y, k / 3, k % 3);
    for (std::int64_t x = 0; x < width; ++x)
        dst[x] = bias +
                 ((w[0] * r[0][x] + w[1] * r[1][x] + w[2] * r[2][x]) +
                  (w[3] * r[3][x] + w[4] * r[4][x] + w[5] * r[5][x])) +
                 (w[6] * r[6][x] + w[7] * r[7][x] + w[8] * r[8][x]);
}

void anyRow(const PaddedPlane &plane, const WindowPlan &window, std::int64_t y, const float *weights,
            float bias, float *dst) {
    std::fill_n(dst, window.dst[2], bias);
    for (std::int64_t ky = 0; ky < window.kernel[1]; ++ky)
        for (std::int64_t kx = 0; kx < window.kernel[2]; ++kx) {
            const float *src = plane.row(y, ky, kx);
            const float weight = weights[ky * window.kernel[2] + kx];
            for (std::int64_t x = 0; x < window.dst[2]; ++x)
                dst[x] += weight * src[x];
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
        for (std::int64_t plane = begin; plane < end; ++plane) {
            const std::int64_t image = plane / plan.dstChannels, channel = plane % plan.dstChannels;
            padded.load(src + (image * plan.srcChannels + channel / perGroup) * window.srcSize());
            const float *w = weights + channel * window.kernelSize();
            const float start = bias ? bias[channel] : 0.0f;
            for (std::int64_t y = 0; y < window.dst[1]; ++y) {
                float *row = dst + plane * window.dstSize() + y * window.dst[2];
                if (is3x3)
                    row3x3(padded, y, w, start, row, window.dst[2]);
                else
                    anyRow(padded, window, y, w, start, row);
            }
        }
    });
}

} // namespace qs
