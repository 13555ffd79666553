#include "core/base/parallel.h"
#include "core/exec/reference/axes.h"
#include "core/exec/reference/copy.h"
#include "core/exec/reference/families.h"
#include "core/exec/reference/resize_axis.h"

#include "core/tensor/convert.h"

namespace qs {
namespace {

/// Resizes one axis; all others stay.
template <typename T>
Outputs resizeAlong(const KernelCall &call, const Tensor &src, int axis, const ResizeAxis &plan,
                    const ResizeForm &form) {
    Shape shape = src.shape();
    const AxisView view = AxisView::of(shape, axis);
    shape[axis] = plan.dst;
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), shape));
    if (result.numel() == 0)
        return std::vector<Tensor>{std::move(result)};
    const ResizeTaps taps = resizeTaps(plan, form);
    const T *from = src.values<T>().data();
    T *dst = result.mutableValues<T>().data();
    const std::int64_t grain = std::max<std::int64_t>(1, 16384 / view.inner);
    const auto resizeLines = [&](std::int64_t begin, std::int64_t end) {
        std::vector<double> sums(static_cast<std::size_t>(view.inner));
        for (std::int64_t line = begin; line < end; ++line) {
            const auto at = static_cast<std::size_t>(line % plan.dst);
            const bool outside = taps.first[at] == taps.first[at + 1];
            std::ranges::fill(sums, outside ? form.extrapolationValue : 0.0);
            for (std::size_t tap = taps.first[at]; tap < taps.first[at + 1]; ++tap) {
                const double weight = taps.taps[tap].weight;
                const T *row = from + (line / plan.dst * view.length + taps.taps[tap].index) * view.inner;
                for (std::size_t i = 0; i < sums.size(); ++i)
                    sums[i] += weight * static_cast<double>(row[i]);
            }
            std::ranges::transform(sums, dst + line * view.inner, [](double x) { return static_cast<T>(x); });
        }
    };
    QS_CHECK_OK(parallelFor(view.outer * plan.dst, grain, call.ctx, resizeLines));
    return std::vector<Tensor>{std::move(result)};
}

template <typename T>
Outputs interpolate(const KernelCall &call, const std::vector<ResizeAxis> &plan, const ResizeForm &form) {
    Tensor tensor = call[0];
    for (std::size_t axis = 0; axis < plan.size(); ++axis)
        if (plan[axis].isResized) {
            QS_TRY(const auto outputs,
                   resizeAlong<T>(call, tensor, static_cast<int>(axis), plan[axis], form));
            tensor = outputs[0];
        }
    return std::vector<Tensor>{std::move(tensor)};
}

Outputs copyNearest(const KernelCall &call, const std::vector<ResizeAxis> &plan, const ResizeForm &form) {
    Shape shape = call[0].shape();
    for (std::size_t axis = 0; axis < plan.size(); ++axis)
        shape[static_cast<int>(axis)] = plan[axis].dst;
    QS_TRY(Tensor room, call.allocate(call[0].dtype(), shape)); // before lists of that size are made
    if (room.numel() == 0)
        return std::vector<Tensor>{std::move(room)};
    room = {};
    std::vector<std::vector<std::int64_t>> maps;
    for (const ResizeAxis &axis : plan)
        maps.push_back(nearestElements(axis, form));
    QS_TRY(const Tensor fill,
           castTensor(Tensor::scalar(static_cast<float>(form.extrapolationValue)), call[0].dtype()));
    return copyMapped(call, call[0], shape, maps, fill);
}

Outputs resizeTensor(KernelCall &call, const ResizeForm &form) {
    QS_CHECK_OK(requireInputs(call, 1));
    const auto operand = [&](int index) {
        return index >= 0 && call.has(static_cast<std::size_t>(index))
                   ? &call[static_cast<std::size_t>(index)]
                   : nullptr;
    };
    QS_TRY(const auto plan,
           planResize(call[0].shape(), form,
                      {operand(form.roiInput), operand(form.scalesInput), operand(form.sizesInput)}));
    if (form.mode == ResizeMode::Nearest)
        return copyNearest(call, plan, form);
    return dispatch(FloatTypes{}, call[0].dtype(),
                    [&]<typename T>() { return interpolate<T>(call, plan, form); });
}

Result<Kernel> resize(NodeReader &reader) {
    QS_TRY(const ResizeForm form, ResizeForm::read(reader));
    Kernel kernel = [form](KernelCall &call) { return resizeTensor(call, form); };
    return form.mode == ResizeMode::Nearest ? kernel : widenHalfTypes(std::move(kernel));
}

constexpr KernelEntry kEntries[] = {
    {"Resize", 10, resize},
    {"Upsample", 7, resize},
};

} // namespace

KernelFamily resizeKernels() {
    return kEntries;
}

} // namespace qs
