#include "core/exec/depthwise_convolution.h"

#include "core/base/parallel.h"

#include <cstring>

namespace qs {
namespace {

/// Floats that one step of the loops below handles. Rows are short: steps of a fixed width cost less than
/// calls of memcpy and than the ends of a general loop.
constexpr std::int64_t kStep = 8;
using Floats = float __attribute__((vector_size(kStep * sizeof(float))));

std::int64_t wholeSteps(std::int64_t count) {
    return (count + kStep - 1) / kStep * kStep;
}

Floats load(const float *src) {
    Floats values;
    std::memcpy(&values, src, sizeof values);
    return values;
}

void store(Floats values, float *dst) {
    std::memcpy(dst, &values, sizeof values);
}

void copyRow(const float *src, float *dst, std::int64_t count) {
    std::int64_t i = 0;
    for (; i + kStep <= count; i += kStep)
        store(load(src + i), dst + i);
    if (i + kStep / 2 <= count) {
        std::memcpy(dst + i, src + i, kStep / 2 * sizeof(float));
        i += kStep / 2;
    }
    for (; i < count; ++i)
        dst[i] = src[i];
}

/// Elements 0, 2, 4, … to `even`, the others to `odd`.
void splitRow(const float *src, float *even, float *odd, std::int64_t count) {
    std::int64_t i = 0;
    for (; i + 2 * kStep <= count; i += 2 * kStep) {
        const Floats a = load(src + i), b = load(src + i + kStep);
        store(__builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14), even + i / 2);
        store(__builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15), odd + i / 2);
    }
    for (; i < count; ++i)
        (i % 2 == 0 ? even : odd)[i / 2] = src[i];
}

/// One padded source plane, its rows and columns sorted by their remainders modulo the strides: whatever the
/// strides, what one kernel element reads for all output positions is then one stretch of memory. Output
/// positions are counted with the pitch of such a phase, so a row has some unused positions at its end.
class PaddedPlane {
public:
    explicit PaddedPlane(const WindowPlan &window)
        : m_window(window), m_rows(phaseLength(1)), m_pitch(phaseLength(2)),
          m_values(static_cast<std::size_t>(window.stride[1] * window.stride[2] * m_rows * m_pitch + kStep),
                   0.0f) {
        for (std::int64_t y = 0; y < window.src[1]; ++y) {
            const std::int64_t padded = y + window.padBegin[1];
            m_rowStarts.push_back(phaseStart(padded % window.stride[1], 0) +
                                  padded / window.stride[1] * m_pitch);
        }
        for (std::int64_t ky = 0; ky < window.kernel[1]; ++ky)
            for (std::int64_t kx = 0; kx < window.kernel[2]; ++kx)
                m_sources.push_back(m_values.data() + sourceStart(ky, kx));
    }

    std::int64_t pitch() const { return m_pitch; }
    /// Positions from the first to the last output, unused ones between rows included.
    std::int64_t positions() const { return (m_window.dst[1] - 1) * m_pitch + m_window.dst[2]; }

    void load(const float *plane) {
        const std::int64_t stride = m_window.stride[2], width = m_window.src[2];
        const std::int64_t first = columnStart(0), second = columnStart(1);
        for (std::int64_t y = 0; y < m_window.src[1]; ++y) {
            const float *src = plane + y * width;
            float *row = m_values.data() + m_rowStarts[static_cast<std::size_t>(y)];
            if (stride == 1)
                copyRow(src, row + first, width);
            else if (stride == 2)
                splitRow(src, row + first, row + second, width);
            else
                for (std::int64_t x = 0; x < width; ++x)
                    row[columnStart(x)] = src[x];
        }
    }

    /// What kernel element k reads for output position 0; the following positions are neighbours.
    const float *source(std::int64_t k) const { return m_sources[static_cast<std::size_t>(k)]; }

private:
    std::int64_t phaseLength(std::size_t axis) const {
        const std::int64_t padded = m_window.src[axis] + m_window.padBegin[axis] + m_window.padEnd[axis];
        return (padded + m_window.stride[axis] - 1) / m_window.stride[axis];
    }
    /// Where source column x lies, counted from the start of its row.
    std::int64_t columnStart(std::int64_t x) const {
        const std::int64_t padded = x + m_window.padBegin[2];
        return phaseStart(0, padded % m_window.stride[2]) + padded / m_window.stride[2];
    }
    std::int64_t phaseStart(std::int64_t phaseY, std::int64_t phaseX) const {
        return (phaseY * m_window.stride[2] + phaseX) * m_rows * m_pitch;
    }

    std::int64_t sourceStart(std::int64_t ky, std::int64_t kx) const {
        const std::int64_t y = ky * m_window.dilation[1], x = kx * m_window.dilation[2];
        const std::int64_t strideY = m_window.stride[1], strideX = m_window.stride[2];
        return phaseStart(y % strideY, x % strideX) + y / strideY * m_pitch + x / strideX;
    }

    const WindowPlan &m_window;
    std::int64_t m_rows, m_pitch;
    std::vector<float> m_values;
    std::vector<const float *> m_sources;  ///< by kernel element; worked out once, not for every plane
    std::vector<std::int64_t> m_rowStarts; ///< of the source rows within the phases of column remainder 0
};

/// All nine weights of a 3x3 kernel in one pass.
void convolve3x3(const PaddedPlane &plane, const float *weights, float bias, std::span<float> sums) {
    float w[9];
    const float *r[9];
    for (std::int64_t k = 0; k < 9; ++k) {
        w[k] = weights[k];
        r[k] = plane.source(k);
    }
    for (std::size_t at = 0; at < sums.size(); at += kStep)
#pragma GCC ivdep // sums are apart from the plane
        for (std::size_t i = at; i < at + kStep; ++i)
            sums[i] = bias +
                      ((w[0] * r[0][i] + w[1] * r[1][i] + w[2] * r[2][i]) +
                       (w[3] * r[3][i] + w[4] * r[4][i] + w[5] * r[5][i])) +
                      (w[6] * r[6][i] + w[7] * r[7][i] + w[8] * r[8][i]);
}

void convolveAny(const PaddedPlane &plane, const WindowPlan &window, const float *weights, float bias,
                 std::span<float> sums) {
    std::fill(sums.begin(), sums.end(), bias);
    for (std::int64_t k = 0; k < window.kernel[1] * window.kernel[2]; ++k) {
        const float *src = plane.source(k);
        const float weight = weights[k];
        for (std::size_t at = 0; at < sums.size(); at += kStep)
#pragma GCC ivdep // sums are apart from the plane
            for (std::size_t i = at; i < at + kStep; ++i)
                sums[i] += weight * src[i];
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
                            const float *bias, const ConvolutionTail &tail, float *dst,
                            const RunContext &ctx) {
    const WindowPlan &window = plan.window;
    const std::int64_t perGroup = plan.dstChannels / plan.groups;
    const bool is3x3 = window.kernel[1] == 3 && window.kernel[2] == 3;
    const std::int64_t grain = std::max<std::int64_t>(
        1, 200'000 / std::max<std::int64_t>(1, window.dstSize() * window.kernelSize()));
    return parallelFor(plan.batch * plan.dstChannels, grain, ctx, [&](std::int64_t begin, std::int64_t end) {
        PaddedPlane padded(window);
        std::vector<float> sums(static_cast<std::size_t>(wholeSteps(padded.positions())));
        for (std::int64_t plane = begin; plane < end; ++plane) {
            const std::int64_t image = plane / plan.dstChannels, channel = plane % plan.dstChannels;
            padded.load(src + (image * plan.srcChannels + channel / perGroup) * window.srcSize());
            const float *w = weights + channel * window.kernelSize();
            const float start = bias ? bias[channel] : 0.0f;
            if (is3x3)
                convolve3x3(padded, w, start, sums);
            else
                convolveAny(padded, window, w, start, sums);
            tail.apply(channel, sums.data(), static_cast<std::int64_t>(sums.size()));
            for (std::int64_t y = 0; y < window.dst[1]; ++y)
                copyRow(sums.data() + y * padded.pitch(), dst + plane * window.dstSize() + y * window.dst[2],
                        window.dst[2]);
        }
    });
}

} // namespace qs
