#include "core/base/parallel.h"
#include "core/exec/reference/axes.h"
#include "core/exec/reference/families.h"
#include "core/exec/reference/fourier.h"

namespace qs {
namespace {

using Complex = FourierTransform::Complex;

/// Longer transforms would need gigabytes beside their operands.
constexpr std::int64_t kLongestTransform = std::int64_t{1} << 24;

Status checkTransformLength(const KernelCall &call, std::int64_t length) {
    if (length < 1 || length > kLongestTransform)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a transform of length {}; lengths of 1 to {} can be handled", length,
                                kLongestTransform));
    // Roots, spectrum and a line: a length can be an operand, so the signal says nothing about it.
    QS_CHECK_OK(call.allocate(DType::Complex128, Shape{8 * length}));
    return {};
}

/// Real numbers in the last axis are pairs [re, im] or single numbers [re].
Result<bool> holdsComplexNumbers(const Shape &shape, bool oneSided) {
    const std::int64_t parts = shape.rank() < 2 ? 0 : shape[shape.rank() - 1];
    if (parts != 1 && parts != 2)
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("the last axis of a signal holds 1 or 2 numbers, found shape {}", shape.text()));
    if (parts == 2 && oneSided)
        return fail(ErrorCode::InvalidArgument, "onesided=1 needs a real signal");
    return parts == 2;
}

/// Where the elements of one line are: `stride` complex or real numbers apart.
template <typename T>
struct SignalLine {
    const T *src;
    std::int64_t stride;
    bool isComplex;

    Complex operator[](std::int64_t i) const {
        const T *at = src + i * stride * (isComplex ? 2 : 1);
        return {static_cast<double>(at[0]), isComplex ? static_cast<double>(at[1]) : 0.0};
    }
};

template <typename T>
void storeComplex(T *dst, const Complex &value) {
    dst[0] = static_cast<T>(value.real());
    dst[1] = static_cast<T>(value.imag());
}

struct DftForm {
    bool inverse = false, oneSided = false;
    std::int64_t axis = 1;
    bool axisIsInput = false;
};

/// \param view  the signal's axis; inner counts complex or real numbers
template <typename T>
Outputs transformAxis(const KernelCall &call, const DftForm &form, int axis, std::int64_t length,
                      bool isComplex) {
    const Shape &shape = call[0].shape();
    const AxisView view{shape.numelBetween(0, axis), shape[axis],
                        shape.numelBetween(axis + 1, shape.rank() - 1)};
    Shape resultShape = shape;
    const std::int64_t bins = form.oneSided ? length / 2 + 1 : length;
    resultShape[axis] = bins;
    resultShape[shape.rank() - 1] = 2;
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), resultShape));
    if (result.numel() == 0)
        return std::vector<Tensor>{std::move(result)};
    const FourierTransform transform(length, form.inverse);
    const T *src = call[0].values<T>().data();
    T *dst = result.mutableValues<T>().data();
    QS_CHECK_OK(parallelFor(view.outer * view.inner, 1 + 4096 / length, call.ctx, [&](auto begin, auto end) {
        std::vector<Complex> line(static_cast<std::size_t>(length));
        for (std::int64_t at = begin; at < end && !call.ctx.cancelled(); ++at) {
            const std::int64_t outer = at / view.inner, inner = at % view.inner;
            const SignalLine<T> signal{src + (outer * view.length * view.inner + inner) * (isComplex ? 2 : 1),
                                       view.inner, isComplex};
            std::fill(line.begin(), line.end(), Complex{});
            for (std::int64_t i = 0; i < std::min(length, view.length); ++i)
                line[static_cast<std::size_t>(i)] = signal[i];
            transform.apply(line);
            for (std::int64_t k = 0; k < bins; ++k)
                storeComplex(dst + ((outer * bins + k) * view.inner + inner) * 2,
                             line[static_cast<std::size_t>(k)]);
        }
    }));
    return std::vector<Tensor>{std::move(result)};
}

Outputs discreteFourier(const KernelCall &call, const DftForm &form) {
    QS_CHECK_OK(requireInputs(call, 1));
    const Shape &shape = call[0].shape();
    QS_TRY(const bool isComplex, holdsComplexNumbers(shape, form.oneSided));
    std::int64_t axisGiven = form.axis;
    if (form.axisIsInput && call.has(2)) {
        QS_TRY(axisGiven, integerScalar(call, 2));
    }
    QS_TRY(const int axis, normalizeAxis(axisGiven, shape.rank()));
    if (axis == shape.rank() - 1)
        return fail(ErrorCode::InvalidArgument, "the last axis holds parts of numbers, not a signal");
    std::int64_t length = shape[axis];
    if (call.has(1)) {
        QS_TRY(length, integerScalar(call, 1));
    }
    QS_CHECK_OK(checkTransformLength(call, length));
    return dispatch(FloatTypes{}, call[0].dtype(),
                    [&]<typename T>() { return transformAxis<T>(call, form, axis, length, isComplex); });
}

/// The axis is an attribute (default 1) until opset 19 and an operand (default -2) since.
Result<Kernel> dft(NodeReader &reader) {
    DftForm form;
    form.inverse = reader.flag("inverse", false);
    form.oneSided = reader.flag("onesided", false);
    form.axisIsInput = reader.opset() >= 20;
    form.axis = form.axisIsInput ? -2 : reader.intAttribute("axis", 1);
    if (form.inverse && form.oneSided)
        return fail(ErrorCode::Unsupported, "inverse=1 together with onesided=1");
    return widenHalfTypes([form](KernelCall &call) { return discreteFourier(call, form); });
}

struct StftPlan {
    std::int64_t step = 0, length = 0, frames = 0, bins = 0;
    bool isComplex = false;
};

/// Signal [N, samples, 1 or 2], step, window [length], length.
Result<StftPlan> planStft(const KernelCall &call, bool oneSided) {
    QS_CHECK_OK(requireInputs(call, 2));
    const Shape &signal = call[0].shape();
    StftPlan plan;
    QS_TRY(plan.isComplex, holdsComplexNumbers(signal, oneSided));
    QS_TRY(plan.step, integerScalar(call, 1));
    if (call.has(3)) {
        QS_TRY(plan.length, integerScalar(call, 3));
    } else if (call.has(2))
        plan.length = call[2].numel();
    QS_CHECK_OK(checkTransformLength(call, plan.length));
    if (call.has(2) && (call[2].shape() != Shape{plan.length} || call[2].dtype() != call[0].dtype()))
        return fail(ErrorCode::InvalidArgument, fmt::format("a window of shape {} for frames of length {}",
                                                            call[2].shape().text(), plan.length));
    if (signal.rank() != 3 || plan.step < 1 || signal[1] < plan.length)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("frames of length {} every {} samples of a signal of shape {}", plan.length,
                                plan.step, signal.text()));
    plan.frames = (signal[1] - plan.length) / plan.step + 1;
    plan.bins = oneSided ? plan.length / 2 + 1 : plan.length;
    return plan;
}

template <typename T>
Outputs transformFrames(const KernelCall &call, const StftPlan &plan) {
    const Shape &shape = call[0].shape();
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), Shape{shape[0], plan.frames, plan.bins, 2}));
    const FourierTransform transform(plan.length, false);
    const T *src = call[0].values<T>().data();
    const T *window = call.has(2) ? call[2].values<T>().data() : nullptr;
    T *dst = result.mutableValues<T>().data();
    const std::int64_t grain = 1 + 4096 / plan.length;
    QS_CHECK_OK(parallelFor(shape[0] * plan.frames, grain, call.ctx, [&](auto begin, auto end) {
        std::vector<Complex> line(static_cast<std::size_t>(plan.length));
        for (std::int64_t frame = begin; frame < end && !call.ctx.cancelled(); ++frame) {
            const std::int64_t start = frame / plan.frames * shape[1] + frame % plan.frames * plan.step;
            const SignalLine<T> signal{src + start * shape[2], 1, plan.isComplex};
            for (std::int64_t i = 0; i < plan.length; ++i)
                line[static_cast<std::size_t>(i)] =
                    signal[i] * (window ? static_cast<double>(window[i]) : 1.0);
            transform.apply(line);
            for (std::int64_t k = 0; k < plan.bins; ++k)
                storeComplex(dst + (frame * plan.bins + k) * 2, line[static_cast<std::size_t>(k)]);
        }
    }));
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> stft(NodeReader &reader) {
    return widenHalfTypes([oneSided = reader.flag("onesided", true)](KernelCall &call) -> Outputs {
        QS_TRY(const StftPlan plan, planStft(call, oneSided));
        return dispatch(FloatTypes{}, call[0].dtype(),
                        [&]<typename T>() { return transformFrames<T>(call, plan); });
    });
}

constexpr KernelEntry kEntries[] = {
    {"DFT", 17, dft},
    {"STFT", 17, stft},
};

} // namespace

KernelFamily signalKernels() {
    return kEntries;
}

} // namespace qs
