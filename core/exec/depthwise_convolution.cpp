#include "core/exec/depthwise_convolution.h"

#include "core/base/parallel.h"

#include <cstring>

namespace qs {
namespace {

/// `Width` neighbouring floats. Rows are short: steps of a fixed width cost less than calls of memcpy and
/// than the ends of a general loop.
template <int Width>
struct Lanes {
    typedef float Vector __attribute__((vector_size(Width * sizeof(float))));
};
constexpr std::int64_t kWidest = 8;

template <int Width>
typename Lanes<Width>::Vector load(const float *src) {
    typename Lanes<Width>::Vector values;
    std::memcpy(&values, src, sizeof values);
    return values;
}

template <int Width>
void store(typename Lanes<Width>::Vector values, float *dst) {
    std::memcpy(dst, &values, sizeof values);
}

template <int Width>
void copyRow(const float *src, float *dst, std::int64_t count) {
    std::int64_t i = 0;
    for (; i + Width <= count; i += Width)
        store<Width>(load<Width>(src + i), dst + i);
    for (; i < count; ++i)
        dst[i] = src[i];
}

/// Elements 0, 2, 4, … to `even`, the others to `odd`.
template <int Width>
void splitRow(const float *src, float *even, float *odd, std::int64_t count) {
    std::int64_t i = 0;
    for (; i + 2 * Width <= count; i += 2 * Width) {
        const auto a = load<Width>(src + i), b = load<Width>(src + i + Width);
        if constexpr (Width == 8) {
            store<8>(__builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14), even + i / 2);
            store<8>(__builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15), odd + i / 2);
        } else {
            store<4>(__builtin_shufflevector(a, b, 0, 2, 4, 6), even + i / 2);
            store<4>(__builtin_shufflevector(a, b, 1, 3, 5, 7), odd + i / 2);
        }
    }
    for (; i < count; ++i)
        (i % 2 == 0 ? even : odd)[i / 2] = src[i];
}

/// One padded source plane, its rows and columns sorted by their remainders modulo the strides: whatever the
/// strides, what one kernel element reads for a row of output positions is then one stretch of memory.
class PaddedPlane {
public:
    explicit PaddedPlane(const WindowPlan &window)
        : m_window(window), m_rows(phaseLength(1)), m_pitch(phaseLength(2)),
          m_values(static_cast<std::size_t>(window.stride[1] * window.stride[2] * m_rows * m_pitch + kWidest),
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

    template <int Width>
    void load(const float *plane) {
        const std::int64_t stride = m_window.stride[2], width = m_window.src[2];
        const std::int64_t first = columnStart(0), second = columnStart(1);
        for (std::int64_t y = 0; y < m_window.src[1]; ++y) {
            const float *src = plane + y * width;
            float *row = m_values.data() + m_rowStarts[static_cast<std::size_t>(y)];
            if (stride == 1)
                copyRow<Width>(src, row + first, width);
            else if (stride == 2)
                splitRow<Width>(src, row + first, row + second, width);
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

/// One row of outputs; what lies beyond its end is computed from unused positions and dropped.
template <int Width, typename Sum>
void storeRow(float *dst, std::int64_t count, const Sum &sumAt) {
    std::int64_t i = 0;
    for (; i + Width <= count; i += Width)
        store<Width>(sumAt(i), dst + i);
    if (i < count) {
        const auto last = sumAt(i);
        std::memcpy(dst + i, &last, static_cast<std::size_t>(count - i) * sizeof(float));
    }
}

template <int Width>
void convolveAny(const PaddedPlane &plane, const WindowPlan &window, const float *weights, float bias,
                 float *dst) {
    const std::int64_t kernel = window.kernel[1] * window.kernel[2];
    for (std::int64_t y = 0; y < window.dst[1]; ++y)
        storeRow<Width>(dst + y * window.dst[2], window.dst[2], [&, at = y * plane.pitch()](std::int64_t x) {
            auto sum = typename Lanes<Width>::Vector{} + bias;
            for (std::int64_t k = 0; k < kernel; ++k)
                sum += weights[k] * load<Width>(plane.source(k) + at + x);
            return sum;
        });
}

template <int Width>
void convolvePlane(PaddedPlane &padded, const WindowPlan &window, const float *src, const float *weights,
                   float bias, float *dst) {
    padded.load<Width>(src);
    convolveAny<Width>(padded, window, weights, bias, dst);
}

} // namespace

bool isDepthwise(const ConvolutionPlan &plan) {
    const WindowPlan &w = plan.window;
    // The padded plane is built in memory; a file may ask for a padding of any size.
    constexpr std::int64_t kMostPadding = 4096;
    return plan.groups == plan.srcChannels && w.src[0] == 1 && w.kernel[0] == 1 && w.dst[0] == 1 &&
           std::max({w.padBegin[1], w.padEnd[1], w.padBegin[2], w.padEnd[2]}) <= kMostPadding;
}

Status depthwiseConvolution(const ConvolutionPlan &plan, const DepthwiseOperands &operands,
                            const ConvolutionTail &tail, const RunContext &ctx) {
    const WindowPlan &window = plan.window;
    const std::int64_t perGroup = plan.dstChannels / plan.groups;
    const std::int64_t grain = std::max<std::int64_t>(
        1, 300'000 / std::max<std::int64_t>(1, window.dstSize() * window.kernelSize()));
    const std::int64_t planes = plan.batch * plan.dstChannels;
    if (takesDepthwise3x3(plan))
        return parallelFor(planes, grain, ctx, [&](std::int64_t begin, std::int64_t end) {
            convolveDepthwise3x3(plan, operands, tail, begin, end);
        });
    return parallelFor(planes, grain, ctx, [&](std::int64_t begin, std::int64_t end) {
        PaddedPlane padded(window);
        for (std::int64_t plane = begin; plane < end; ++plane) {
            const std::int64_t channel = plane % plan.dstChannels;
            float *to = operands.dst + plane * window.dstSize();
            const auto convolve = window.dst[2] <= 4 ? convolvePlane<4> : convolvePlane<kWidest>;
            convolve(padded, window, operands.src + plane / perGroup * window.srcSize(),
                     operands.weights + channel * window.kernelSize(),
                     operands.bias ? operands.bias[channel] : 0.0f, to);
            tail.apply(channel, to, window.dstSize());
        }
    });
}

} // namespace qs
