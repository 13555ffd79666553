#include "core/base/parallel.h"
#include "core/exec/reference/axes.h"
#include "core/exec/reference/copy.h"
#include "core/exec/reference/families.h"
#include "core/exec/reference/lane_sum.h"

#include <cmath>
#include <numeric>

namespace qs {
namespace {

// Each reduction: a start value, a step in the accumulator type, and an end that sees the element count.

struct SumOf {
    static constexpr bool kAddsElements = true;
    template <typename A>
    static A start() {
        return A(0);
    }
    template <typename A>
    static A step(A sum, A x) {
        return wrappingAdd(sum, x);
    }
    template <typename A>
    static A end(A sum, std::int64_t) {
        return sum;
    }
};
struct MeanOf : SumOf {
    template <typename A>
    static A end(A sum, std::int64_t count) {
        if constexpr (std::floating_point<A>)
            return sum / static_cast<A>(count);
        else
            return count == 0 ? A(0) : sum / static_cast<A>(count);
    }
};
struct SumSquareOf : SumOf {
    static constexpr bool kAddsElements = false;
    template <typename A>
    static A step(A sum, A x) {
        return wrappingAdd(sum, wrappingMultiply(x, x));
    }
};
struct L1Of : SumOf {
    static constexpr bool kAddsElements = false;
    template <typename A>
    static A step(A sum, A x) {
        return wrappingAdd(sum, x < A(0) ? wrappingMultiply(x, A(-1)) : x);
    }
};
struct L2Of : SumSquareOf {
    template <typename A>
    static A end(A sum, std::int64_t) {
        return static_cast<A>(std::sqrt(static_cast<double>(sum)));
    }
};
struct LogSumOf : SumOf {
    template <typename A>
    static A end(A sum, std::int64_t) {
        return static_cast<A>(std::log(static_cast<double>(sum)));
    }
};
struct ProdOf : SumOf {
    static constexpr bool kAddsElements = false;
    template <typename A>
    static A start() {
        return A(1);
    }
    template <typename A>
    static A step(A product, A x) {
        return wrappingMultiply(product, x);
    }
};
struct MaxOf : SumOf {
    static constexpr bool kAddsElements = false;
    template <typename A>
    static A start() {
        return std::floating_point<A> ? static_cast<A>(-std::numeric_limits<double>::infinity())
                                      : std::numeric_limits<A>::lowest();
    }
    template <typename A>
    static A step(A best, A x) {
        return x > best || x != x ? x : best;
    }
};
struct MinOf : SumOf {
    static constexpr bool kAddsElements = false;
    template <typename A>
    static A start() {
        return std::floating_point<A> ? static_cast<A>(std::numeric_limits<double>::infinity())
                                      : std::numeric_limits<A>::max();
    }
    template <typename A>
    static A step(A best, A x) {
        return x < best || x != x ? x : best;
    }
};

/// The source elements that one result element is made of, and where the result elements start.
struct ReductionPlan {
    Shape shape;                             ///< of the result
    std::vector<std::int64_t> starts;        ///< source offset of every result element
    std::vector<std::int64_t> offsets;       ///< of the reduced elements but the innermost reduced axis
    std::int64_t inner = 1, innerStride = 1; ///< the innermost reduced axis
    std::int64_t count() const { return static_cast<std::int64_t>(offsets.size()) * inner; }
};

Shape reducedShape(const Shape &src, const std::vector<int> &axes, bool keepDims) {
    std::vector<std::int64_t> dims;
    for (int axis = 0; axis < src.rank(); ++axis) {
        const bool reduced = std::binary_search(axes.begin(), axes.end(), axis);
        if (!reduced || keepDims)
            dims.push_back(reduced ? 1 : src[axis]);
    }
    return Shape(std::move(dims));
}

ReductionPlan planReduction(const Shape &src, const std::vector<int> &axes, bool keepDims) {
    ReductionPlan plan;
    plan.shape = reducedShape(src, axes, keepDims);
    std::vector<int> kept;
    for (int axis = 0; axis < src.rank(); ++axis)
        if (!std::binary_search(axes.begin(), axes.end(), axis))
            kept.push_back(axis);
    plan.starts = offsetsOf(src, kept);
    std::vector<int> outer = axes;
    // Trailing reduced axes are one contiguous run.
    while (!outer.empty() &&
           plan.inner * plan.innerStride == src.strides()[static_cast<std::size_t>(outer.back())]) {
        plan.inner *= src[outer.back()];
        outer.pop_back();
    }
    if (plan.inner == 1 && !outer.empty()) {
        plan.inner = src[outer.back()];
        plan.innerStride = src.strides()[static_cast<std::size_t>(outer.back())];
        outer.pop_back();
    }
    plan.offsets = offsetsOf(src, outer);
    return plan;
}

template <typename Rule, typename T>
Outputs reduceTensor(const KernelCall &call, const ReductionPlan &plan) {
    using A = Accumulator<T>;
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), plan.shape));
    const T *src = call[0].values<T>().data();
    T *dst = result.mutableValues<T>().data();
    const std::int64_t grain = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, plan.count()));
    QS_CHECK_OK(parallelFor(result.numel(), grain, call.ctx, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            A sum = Rule::template start<A>();
            for (const std::int64_t offset : plan.offsets) {
                const T *line = src + plan.starts[static_cast<std::size_t>(i)] + offset;
                if constexpr (Rule::kAddsElements && std::floating_point<T>)
                    if (plan.innerStride == 1) {
                        sum += laneSum(line, plan.inner);
                        continue;
                    }
                for (std::int64_t k = 0; k < plan.inner; ++k)
                    sum = Rule::step(sum, static_cast<A>(line[k * plan.innerStride]));
            }
            dst[i] = static_cast<T>(Rule::end(sum, plan.count()));
        }
    }));
    return std::vector<Tensor>{std::move(result)};
}

/// log Σ exp x, shifted by the maximum so that it cannot overflow.
template <typename T>
Outputs reduceLogSumExp(const KernelCall &call, const ReductionPlan &plan) {
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), plan.shape));
    const T *src = call[0].values<T>().data();
    const std::span<T> dst = result.mutableValues<T>();
    for (std::size_t i = 0; i < dst.size(); ++i) {
        const auto forEach = [&](auto &&fn) {
            for (const std::int64_t offset : plan.offsets)
                for (std::int64_t k = 0; k < plan.inner; ++k)
                    fn(static_cast<double>(src[plan.starts[i] + offset + k * plan.innerStride]));
        };
        double top = -std::numeric_limits<double>::infinity(), sum = 0;
        forEach([&](double x) { top = std::max(top, x); });
        const double shift = std::isfinite(top) ? top : 0;
        forEach([&](double x) { sum += std::exp(x - shift); });
        dst[i] = static_cast<T>(std::log(sum) + shift);
    }
    return std::vector<Tensor>{std::move(result)};
}

/// What an operator reduces, for this call; nullopt when it passes its input through.
Result<std::optional<ReductionPlan>> planFor(const KernelCall &call, const AxesSource &source, bool keepDims,
                                             bool emptyIsNoop) {
    QS_CHECK_OK(requireInputs(call, 1));
    const Shape &shape = call[0].shape();
    QS_TRY(const auto given, source.get(call));
    QS_TRY(std::vector<int> axes, normalizeAxes(given.value_or(std::vector<std::int64_t>{}), shape.rank()));
    if (axes.empty()) {
        if (emptyIsNoop)
            return std::nullopt;
        axes.resize(static_cast<std::size_t>(shape.rank()));
        std::iota(axes.begin(), axes.end(), 0);
    }
    // Before lists as long as the result are made.
    QS_CHECK_OK(call.allocate(call[0].dtype(), reducedShape(shape, axes, keepDims)));
    return planReduction(shape, axes, keepDims);
}

template <typename Compute>
Kernel reductionKernel(NodeReader &reader, std::int64_t axesInputSince, Compute compute) {
    const bool keepDims = reader.flag("keepdims", true);
    const bool emptyIsNoop = reader.opset() >= axesInputSince && reader.flag("noop_with_empty_axes", false);
    const auto source = AxesSource::read(reader, axesInputSince);
    return widenHalfTypes([=](KernelCall &call) -> Outputs {
        QS_TRY(const auto plan, planFor(call, source, keepDims, emptyIsNoop));
        if (!plan)
            return std::vector<Tensor>{call[0]};
        return compute(call, *plan);
    });
}

template <typename Rule, std::int64_t AxesInputSince = 18>
Result<Kernel> reduction(NodeReader &reader) {
    return reductionKernel(reader, AxesInputSince, [](const KernelCall &call, const ReductionPlan &plan) {
        return dispatch(NumberTypes{}, call[0].dtype(),
                        [&]<typename T>() { return reduceTensor<Rule, T>(call, plan); });
    });
}

/// Max and Min, since opset 20 also of bool: or and and.
template <typename Rule>
Result<Kernel> extreme(NodeReader &reader) {
    return reductionKernel(reader, 18, [](const KernelCall &call, const ReductionPlan &plan) -> Outputs {
        if (call[0].dtype() != DType::Bool)
            return dispatch(NumberTypes{}, call[0].dtype(),
                            [&]<typename T>() { return reduceTensor<Rule, T>(call, plan); });
        Tensor bytes[] = {Tensor::wrap(DType::UInt8, call[0].shape(), call[0].storage())};
        const KernelCall step{bytes, call.ctx, call.pool, call.limitBytes};
        QS_TRY(auto outputs, (reduceTensor<Rule, std::uint8_t>(step, plan)));
        for (std::uint8_t &value : outputs[0].template mutableValues<std::uint8_t>())
            value = value != 0; // the smallest of nothing is the largest byte
        outputs[0] = Tensor::wrap(DType::Bool, outputs[0].shape(), outputs[0].storage());
        return outputs;
    });
}

Result<Kernel> logSumExp(NodeReader &reader) {
    return reductionKernel(reader, 18, [](const KernelCall &call, const ReductionPlan &plan) {
        return dispatch(FloatTypes{}, call[0].dtype(),
                        [&]<typename T>() { return reduceLogSumExp<T>(call, plan); });
    });
}

template <typename T>
Outputs extremeIndices(const KernelCall &call, int axis, const Shape &shape, bool largest, bool last) {
    QS_TRY(Tensor result, call.allocate(DType::Int64, shape));
    const AxisView view = AxisView::of(call[0].shape(), axis);
    const T *src = call[0].values<T>().data();
    const std::span<std::int64_t> dst = result.mutableValues<std::int64_t>();
    for (std::size_t i = 0; i < dst.size(); ++i) {
        const auto line = static_cast<std::int64_t>(i);
        const T *start = src + line / view.inner * view.length * view.inner + line % view.inner;
        std::int64_t best = 0;
        for (std::int64_t k = 1; k < view.length; ++k) {
            const T candidate = start[k * view.inner], holder = start[best * view.inner];
            if ((largest ? candidate > holder : candidate < holder) || (last && candidate == holder))
                best = k;
        }
        dst[i] = best;
    }
    return std::vector<Tensor>{std::move(result)};
}

template <bool Largest>
Result<Kernel> argExtreme(NodeReader &reader) {
    const std::int64_t axisGiven = reader.intAttribute("axis", 0);
    const bool keepDims = reader.flag("keepdims", true), last = reader.flag("select_last_index", false);
    return widenHalfTypes([=](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        QS_TRY(const int axis, normalizeAxis(axisGiven, call[0].shape().rank()));
        if (call[0].shape()[axis] == 0)
            return fail(ErrorCode::InvalidArgument, "the axis has no elements");
        std::vector<std::int64_t> dims = call[0].shape().dims();
        dims[static_cast<std::size_t>(axis)] = 1;
        if (!keepDims)
            dims.erase(dims.begin() + axis);
        const Shape shape(std::move(dims));
        return dispatch(NumberTypes{}, call[0].dtype(),
                        [&]<typename T>() { return extremeIndices<T>(call, axis, shape, Largest, last); });
    });
}

template <typename T>
Outputs cumulativeSum(const KernelCall &call, int axis, bool exclusive, bool reverse) {
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), call[0].shape()));
    const AxisView view = AxisView::of(call[0].shape(), axis);
    for (std::int64_t line = 0; line < view.outer * view.inner; ++line) {
        const std::int64_t start = line / view.inner * view.length * view.inner + line % view.inner;
        Accumulator<T> sum = 0;
        for (std::int64_t k = 0; k < view.length; ++k) {
            const std::int64_t at = start + (reverse ? view.length - 1 - k : k) * view.inner;
            const T x = call[0].values<T>()[static_cast<std::size_t>(at)];
            const auto after = wrappingAdd(sum, static_cast<Accumulator<T>>(x));
            result.mutableValues<T>()[static_cast<std::size_t>(at)] = static_cast<T>(exclusive ? sum : after);
            sum = after;
        }
    }
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> cumSum(NodeReader &reader) {
    const bool exclusive = reader.flag("exclusive", false), reverse = reader.flag("reverse", false);
    return widenHalfTypes([=](KernelCall &call) -> Outputs {
        QS_TRY(const auto axes, integerOperand(call, 1));
        if (axes.size() != 1)
            return fail(ErrorCode::InvalidArgument, "the axis must be a scalar");
        QS_TRY(const int axis, normalizeAxis(axes[0], call[0].shape().rank()));
        return dispatch(Types<float, double, std::int32_t, std::int64_t, std::uint32_t, std::uint64_t>{},
                        call[0].dtype(),
                        [&]<typename T>() { return cumulativeSum<T>(call, axis, exclusive, reverse); });
    });
}

constexpr KernelEntry kEntries[] = {
    {"ReduceSum", 1, reduction<SumOf, 13>},
    {"ReduceMean", 1, reduction<MeanOf>},
    {"ReduceMax", 1, reduction<MaxOf>},
    {"ReduceMax", 20, extreme<MaxOf>},
    {"ReduceMin", 1, reduction<MinOf>},
    {"ReduceMin", 20, extreme<MinOf>},
    {"ReduceProd", 1, reduction<ProdOf>},
    {"ReduceL1", 1, reduction<L1Of>},
    {"ReduceL2", 1, reduction<L2Of>},
    {"ReduceSumSquare", 1, reduction<SumSquareOf>},
    {"ReduceLogSum", 1, reduction<LogSumOf>},
    {"ReduceLogSumExp", 1, logSumExp},
    {"ArgMax", 1, argExtreme<true>},
    {"ArgMin", 1, argExtreme<false>},
    {"CumSum", 11, cumSum},
};

} // namespace

KernelFamily reductionKernels() {
    return kEntries;
}

} // namespace qs
