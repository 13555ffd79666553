// Compiled once for each kind of processor: foreach_target.h includes this file again and again.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/exec/depthwise_3x3.cpp"
#include <hwy/foreach_target.h>
//
#include "core/exec/depthwise_3x3.h"

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace qs {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Without masks in hardware, what lies beyond a tensor would be read. AVX2 has those of four bytes, although
// Highway warns of it: narrower ones are what it lacks.
#if HWY_HAVE_SCALABLE || HWY_TARGET == HWY_SCALAR || (HWY_MEM_OPS_MIGHT_FAULT && HWY_TARGET != HWY_AVX2)
bool HasMasks() {
    return false;
}
void ConvolvePlanes(const ConvolutionPlan &, const DepthwiseOperands &, const ConvolutionTail &, std::int64_t,
                    std::int64_t) {}
#else
bool HasMasks() {
    return true;
}

/// The weights of a plane and what follows its sums.
template <class D>
struct PlaneConstants {
    using Vector = hn::Vec<D>;

    PlaneConstants(const float *weights, float biasValue, const ConvolutionTail &tail, std::size_t channel)
        : bias(hn::Set(D(), biasValue)), low(hn::Set(D(), tail.low)), high(hn::Set(D(), tail.high)),
          isScaled(!tail.factor.empty()), hasLimits(tail.hasLimits()) {
        for (std::size_t k = 0; k < 9; ++k)
            weight[k] = hn::Set(D(), weights[k]);
        factor = hn::Set(D(), isScaled ? tail.factor[channel] : 1.0f);
        offset = hn::Set(D(), isScaled ? tail.offset[channel] : 0.0f);
    }

    /// As ConvolutionTail::apply().
    Vector finish(Vector value) const {
        if (isScaled)
            value = hn::Add(hn::Mul(value, factor), offset);
        if (hasLimits) { // NaN passes
            value = hn::IfThenElse(hn::Lt(value, low), low, value);
            value = hn::IfThenElse(hn::Gt(value, high), high, value);
        }
        return value;
    }

    Vector weight[9], bias, factor, offset, low, high;
    bool isScaled, hasLimits;
};

/// As many neighbouring output columns as a vector has lanes, in all rows of a plane.
template <class D, int kStride>
class ColumnBlock {
public:
    ColumnBlock(const WindowPlan &window, std::int64_t firstColumn)
        : m_window(window), m_firstColumn(firstColumn) {
        constexpr auto kLanes = static_cast<std::int64_t>(hn::MaxLanes(D()));
        const std::int64_t first = firstColumn * kStride - window.padBegin[2];
        const std::int64_t starts[4] = {first, kStride == 1 ? first + 1 : first + kLanes, first + 2,
                                        first + 2 + kLanes};
        for (std::size_t load = 0; load < kLoads; ++load) {
            m_starts[load] = starts[load];
            m_masks[load] = insideRow(starts[load]);
            m_isInside = m_isInside && starts[load] >= 0 && starts[load] + kLanes <= window.src[2];
        }
    }

    void convolve(const float *src, const PlaneConstants<D> &constants, float *dst) const {
        m_isInside ? convolveRows<false>(src, constants, dst) : convolveRows<true>(src, constants, dst);
    }

private:
    using Vector = hn::Vec<D>;
    static constexpr std::size_t kLoads = kStride == 1 ? 3 : 4;

    hn::Mask<D> insideRow(std::int64_t start) const {
        const hn::RebindToSigned<D> ints;
        const auto column = hn::Iota(ints, static_cast<std::int32_t>(start));
        const auto width = hn::Set(ints, static_cast<std::int32_t>(m_window.src[2]));
        return hn::RebindMask(D(), hn::And(hn::Gt(column, hn::Set(ints, -1)), hn::Lt(column, width)));
    }

    template <bool kMasked>
    Vector load(const float *row, std::size_t load) const {
        if constexpr (kMasked)
            return hn::MaskedLoad(m_masks[load], D(), row + m_starts[load]);
        else
            return hn::LoadU(D(), row + m_starts[load]);
    }

    /// What the three columns of the kernel read in one source row.
    struct Row {
        Vector first, second, third;
    };

    template <bool kMasked>
    Row loadRow(const float *row) const {
        const auto a = load<kMasked>(row, 0), b = load<kMasked>(row, 1), c = load<kMasked>(row, 2);
        if constexpr (kStride == 1)
            return {a, b, c};
        else
            return {hn::ConcatEven(D(), b, a), hn::ConcatOdd(D(), b, a),
                    hn::ConcatEven(D(), load<kMasked>(row, 3), c)};
    }

    /// What one row of the kernel adds.
    static Vector line(const Row &row, const Vector *weight) {
        return hn::MulAdd(weight[2], row.third,
                          hn::MulAdd(weight[1], row.second, hn::Mul(weight[0], row.first)));
    }

    /// Every source row is loaded once; what the kernel's middle row reads is never padding.
    template <bool kMasked>
    void convolveRows(const float *src, const PlaneConstants<D> &constants, float *dst) const {
        const std::int64_t height = m_window.src[1], width = m_window.src[2], rows = m_window.dst[1];
        std::int64_t first = -m_window.padBegin[1];
        const float *from = src + first * width;
        float *to = dst + m_firstColumn;
        Row middle = loadRow<kMasked>(from + width), above = middle, below = middle;
        if (first >= 0)
            above = loadRow<kMasked>(from);
        for (std::int64_t y = 0; y < rows; ++y, to += m_window.dst[2]) {
            auto sum = line(middle, constants.weight + 3);
            if (first >= 0)
                sum = hn::Add(line(above, constants.weight), sum);
            sum = hn::Add(constants.bias, sum);
            if (first + 2 < height) {
                below = loadRow<kMasked>(from + 2 * width);
                sum = hn::Add(sum, line(below, constants.weight + 6));
            }
            hn::StoreU(constants.finish(sum), D(), to);
            first += kStride;
            from += kStride * width;
            above = kStride == 1 ? middle : below;
            if (kStride == 1)
                middle = below;
            else if (y + 1 < rows)
                middle = loadRow<kMasked>(from + width);
        }
    }

    const WindowPlan &m_window;
    std::int64_t m_firstColumn;
    std::int64_t m_starts[kLoads]; ///< source columns
    hn::Mask<D> m_masks[kLoads];   ///< lanes that are no padding
    bool m_isInside = true;
};

template <class D, int kStride>
void ConvolveBlocks(const ConvolutionPlan &plan, const DepthwiseOperands &operands,
                    const ConvolutionTail &tail, std::int64_t begin, std::int64_t end) {
    constexpr auto kLanes = static_cast<std::int64_t>(hn::MaxLanes(D()));
    const WindowPlan &window = plan.window;
    const std::int64_t perGroup = plan.dstChannels / plan.groups, width = window.dst[2];
    // The last block moves left where columns are no multiple: what it computes again it stores again.
    for (std::int64_t next = 0; next < width; next += kLanes) {
        const ColumnBlock<D, kStride> block(window, std::min(next, width - kLanes));
        std::int64_t channel = begin % plan.dstChannels;
        for (std::int64_t plane = begin; plane < end; ++plane) {
            const PlaneConstants<D> constants(operands.weights + channel * 9,
                                              operands.bias ? operands.bias[channel] : 0.0f, tail,
                                              static_cast<std::size_t>(channel));
            const std::int64_t srcPlane = perGroup == 1 ? plane : plane / perGroup; // divisions take time
            block.convolve(operands.src + srcPlane * window.srcSize(), constants,
                           operands.dst + plane * window.dstSize());
            channel = channel + 1 == plan.dstChannels ? 0 : channel + 1;
        }
    }
}

template <class D>
void ConvolveStrides(const ConvolutionPlan &plan, const DepthwiseOperands &operands,
                     const ConvolutionTail &tail, std::int64_t begin, std::int64_t end) {
    if (plan.window.stride[2] == 1)
        ConvolveBlocks<D, 1>(plan, operands, tail, begin, end);
    else
        ConvolveBlocks<D, 2>(plan, operands, tail, begin, end);
}

void ConvolvePlanes(const ConvolutionPlan &plan, const DepthwiseOperands &operands,
                    const ConvolutionTail &tail, std::int64_t begin, std::int64_t end) {
    if (plan.window.dst[2] >= 16)
        ConvolveStrides<hn::CappedTag<float, 16>>(plan, operands, tail, begin, end);
    else if (plan.window.dst[2] >= 8)
        ConvolveStrides<hn::CappedTag<float, 8>>(plan, operands, tail, begin, end);
    else
        ConvolveStrides<hn::CappedTag<float, 4>>(plan, operands, tail, begin, end);
}
#endif

} // namespace HWY_NAMESPACE
} // namespace qs
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace qs {

HWY_EXPORT(HasMasks);
HWY_EXPORT(ConvolvePlanes);

bool takesDepthwise3x3(const ConvolutionPlan &plan) {
    const WindowPlan &w = plan.window;
    constexpr std::int64_t kShortestVector = 4, kWidest = 1 << 30;
    return w.kernel[1] == 3 && w.kernel[2] == 3 && w.dilation[1] == 1 && w.dilation[2] == 1 &&
           w.stride[1] == w.stride[2] && w.stride[2] <= 2 && w.dst[2] >= kShortestVector &&
           w.src[2] < kWidest && std::max({w.padBegin[1], w.padEnd[1], w.padBegin[2], w.padEnd[2]}) <= 1 &&
           HWY_DYNAMIC_DISPATCH(HasMasks)();
}

void convolveDepthwise3x3(const ConvolutionPlan &plan, const DepthwiseOperands &operands,
                          const ConvolutionTail &tail, std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(ConvolvePlanes)(plan, operands, tail, begin, end);
}

} // namespace qs
#endif
