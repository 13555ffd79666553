#include "core/base/parallel.h"
#include "core/exec/reference/axes.h"
#include "core/exec/reference/dispatch.h"
#include "core/exec/reference/exponential.h"
#include "core/exec/reference/families.h"
#include "core/exec/reference/softmax.h"

#include <cmath>

namespace qs {
namespace {

enum class SoftmaxKind { Softmax, Log, Hard };

/// One line of `length` elements, `stride` apart.
template <typename T>
void softmaxLine(SoftmaxKind kind, const T *src, T *dst, std::int64_t length, std::int64_t stride) {
    std::int64_t best = 0;
    for (std::int64_t i = 1; i < length; ++i)
        if (src[i * stride] > src[best * stride])
            best = i;
    if (kind == SoftmaxKind::Hard) {
        for (std::int64_t i = 0; i < length; ++i)
            dst[i * stride] = static_cast<T>(i == best);
        return;
    }
    const T top = src[best * stride];
    double sum = 0;
    if (kind == SoftmaxKind::Softmax) {
        for (std::int64_t i = 0; i < length; ++i)
            sum += dst[i * stride] = std::exp(src[i * stride] - top);
        for (std::int64_t i = 0; i < length; ++i)
            dst[i * stride] = static_cast<T>(dst[i * stride] / sum);
        return;
    }
    for (std::int64_t i = 0; i < length; ++i)
        sum += std::exp(static_cast<double>(src[i * stride] - top));
    const double logSum = std::log(sum);
    for (std::int64_t i = 0; i < length; ++i)
        dst[i * stride] = static_cast<T>(src[i * stride] - top - logSum);
}

Outputs softmaxAlong(const KernelCall &call, SoftmaxKind kind, const AxisView &view) {
    return dispatch(FloatTypes{}, call[0].dtype(), [&]<typename T>() -> Outputs {
        const T *src = call[0].values<T>().data();
        QS_TRY(Tensor result, call.allocate(call[0].dtype(), call[0].shape()));
        T *dst = result.mutableValues<T>().data();
        if (result.numel() == 0)
            return std::vector<Tensor>{std::move(result)};
        const std::int64_t grain = std::max<std::int64_t>(1, 4096 / view.length);
        QS_CHECK_OK(
            parallelFor(view.outer * view.inner, grain, call.ctx, [&](std::int64_t begin, std::int64_t end) {
                for (std::int64_t line = begin; line < end; ++line) {
                    const std::int64_t start =
                        line / view.inner * view.length * view.inner + line % view.inner;
                    if (kind == SoftmaxKind::Softmax && view.inner == 1)
                        softmaxRow(src + start, dst + start, view.length);
                    else
                        softmaxLine(kind, src + start, dst + start, view.length, view.inner);
                }
            }));
        return std::vector<Tensor>{std::move(result)};
    });
}

/// Until opset 12 the tensor is flattened to a matrix at the axis (default 1) and rows are normalised;
/// afterwards the axis itself (default -1) is.
template <SoftmaxKind Kind>
Result<Kernel> softmax(NodeReader &reader) {
    const bool flattens = reader.opset() < 13;
    const std::int64_t axisGiven = reader.intAttribute("axis", flattens ? 1 : -1);
    return widenHalfTypes([=](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        QS_TRY(const int axis, normalizeAxis(axisGiven, call[0].shape().rank()));
        AxisView view = AxisView::of(call[0].shape(), axis);
        if (flattens)
            view = {view.outer, view.length * view.inner, 1};
        return softmaxAlong(call, Kind, view);
    });
}

constexpr KernelEntry kEntries[] = {
    {"Softmax", 1, softmax<SoftmaxKind::Softmax>},
    {"LogSoftmax", 1, softmax<SoftmaxKind::Log>},
    {"Hardmax", 1, softmax<SoftmaxKind::Hard>},
};

} // namespace

Outputs logSoftmax(const KernelCall &call, int axis) {
    return softmaxAlong(call, SoftmaxKind::Log, AxisView::of(call[0].shape(), axis));
}

KernelFamily softmaxKernels() {
    return kEntries;
}

} // namespace qs
