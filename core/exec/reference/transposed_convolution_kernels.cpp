#include "core/base/parallel.h"
#include "core/exec/reference/dispatch.h"
#include "core/exec/reference/families.h"
#include "core/exec/reference/transposed_convolution.h"

namespace qs {
namespace {

/// Far beyond any real axis, and small enough that sums of such lengths cannot overflow.
constexpr std::int64_t kLongestAxis = std::int64_t{1} << 40;

std::int64_t valueOr(const std::vector<std::int64_t> &values, std::size_t index, std::int64_t fallback) {
    return index < values.size() ? values[index] : fallback;
}

} // namespace

Result<TransposedAttributes> TransposedAttributes::read(NodeReader &reader) {
    TransposedAttributes attributes;
    QS_TRY(attributes.window, WindowAttributes::read(reader));
    attributes.outputPadding = reader.intsAttribute("output_padding").value_or(std::vector<std::int64_t>{});
    attributes.outputShape = reader.intsAttribute("output_shape").value_or(std::vector<std::int64_t>{});
    attributes.group = reader.intAttribute("group", 1);
    for (const std::int64_t padding : attributes.outputPadding)
        if (padding < 0 || padding > 1 << 20)
            return fail(ErrorCode::Unsupported, fmt::format("an output_padding of {}", padding));
    return attributes;
}

Result<WindowPlan> TransposedAttributes::planWindow(const Shape &x, const Shape &w) const {
    if (x.rank() < 3 || x.rank() != w.rank() || group < 1 || group > std::max<std::int64_t>(1, x[1]) ||
        x[1] != w[0] || x[1] % group != 0)
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("input {} and weight {} with {} groups do not fit", x.text(), w.text(), group));
    const auto axes = static_cast<std::size_t>(x.rank() - 2);
    const auto fits = [axes](const std::vector<std::int64_t> &values) {
        return values.empty() || values.size() == axes;
    };
    const std::span<const std::int64_t> kernel(w.dims().data() + 2, axes), spatial(x.dims().data() + 2, axes);
    // A source of the kernel's reach always holds one window, so this checks ranks and the kernel only.
    std::vector<std::int64_t> reach;
    for (std::size_t i = 0; i < axes; ++i)
        reach.push_back(
            (std::clamp<std::int64_t>(kernel[i], 1, 1 << 21) - 1) * valueOr(window.dilations, i, 1) + 1);
    QS_TRY(WindowPlan plan, window.plan(reach, kernel));
    if (!fits(outputPadding) || !fits(outputShape))
        return fail(ErrorCode::InvalidArgument, "output_padding or output_shape do not fit the rank");
    for (std::size_t i = 0; i < axes; ++i) {
        const std::size_t a = 3 - axes + i;
        if (spatial[i] < 1 || spatial[i] > kLongestAxis / plan.stride[a] ||
            (!outputShape.empty() && (outputShape[i] < 1 || outputShape[i] > kLongestAxis)))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("an axis of {} elements or its output_shape", spatial[i]));
        const std::int64_t full = plan.stride[a] * (spatial[i] - 1) + valueOr(outputPadding, i, 0) + reach[i];
        plan.dst[a] = spatial[i];
        const bool same = window.autoPad.starts_with("SAME");
        if (!outputShape.empty() || same) {
            plan.src[a] = outputShape.empty() ? spatial[i] * plan.stride[a] : outputShape[i];
            const std::int64_t total = std::max<std::int64_t>(0, full - plan.src[a]);
            plan.padBegin[a] = window.autoPad == "SAME_UPPER" ? total / 2 : total - total / 2;
            plan.padEnd[a] = total - plan.padBegin[a];
        } else
            plan.src[a] = full - plan.padBegin[a] - plan.padEnd[a];
        if (plan.src[a] < 1)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the padding leaves nothing of {} elements", full));
    }
    return plan;
}

Result<TransposedPlan> TransposedAttributes::plan(const Shape &x, const Shape &w) const {
    TransposedPlan plan;
    QS_TRY(plan.window, planWindow(x, w));
    plan.result = x;
    plan.result[1] = w[1] * group;
    for (int axis = 2; axis < x.rank(); ++axis)
        plan.result[axis] = plan.window.src[static_cast<std::size_t>(axis + 3 - x.rank())];
    return plan;
}

Result<TransposedPlan> TransposedAttributes::plan(const KernelCall &call) const {
    QS_CHECK_OK(requireSameType(call, call.has(2) ? 3 : 2));
    QS_TRY(TransposedPlan result, plan(call[0].shape(), call[1].shape()));
    if (call.has(2) && call[2].shape() != Shape{result.result[1]})
        return fail(ErrorCode::InvalidArgument, fmt::format("a bias of shape {} for {} channels",
                                                            call[2].shape().text(), result.result[1]));
    return result;
}

namespace {

/// Adds what one input channel contributes to one result channel.
template <typename T>
void scatterChannel(const WindowPlan &w, const T *x, const T *kernel, double *sums) {
    for (std::int64_t kz = 0; kz < w.kernel[0]; ++kz)
        for (std::int64_t ky = 0; ky < w.kernel[1]; ++ky)
            for (std::int64_t kx = 0; kx < w.kernel[2]; ++kx) {
                const double weight = kernel[(kz * w.kernel[1] + ky) * w.kernel[2] + kx];
                const auto [firstZ, lastZ] = w.inside(0, kz);
                const auto [firstY, lastY] = w.inside(1, ky);
                const auto [firstX, lastX] = w.inside(2, kx);
                for (std::int64_t z = firstZ; z < lastZ; ++z)
                    for (std::int64_t y = firstY; y < lastY; ++y) {
                        const T *row = x + (z * w.dst[1] + y) * w.dst[2];
                        double *line =
                            sums + (w.at(0, z, kz) * w.src[1] + w.at(1, y, ky)) * w.src[2] + w.at(2, 0, kx);
                        for (std::int64_t i = firstX; i < lastX; ++i)
                            line[i * w.stride[2]] += weight * static_cast<double>(row[i]);
                    }
            }
}

template <typename T>
Outputs convolveTransposed(const KernelCall &call, const WindowPlan &w, std::int64_t group,
                           const Shape &shape) {
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), shape));
    const T *x = call[0].values<T>().data(), *weights = call[1].values<T>().data();
    const T *bias = call.has(2) ? call[2].values<T>().data() : nullptr;
    T *dst = result.mutableValues<T>().data();
    const std::int64_t channels = call[0].shape()[1] / group, perGroup = shape[1] / group;
    const auto scatterPlanes = [&](std::int64_t begin, std::int64_t end) {
        std::vector<double> sums(static_cast<std::size_t>(w.srcSize()));
        for (std::int64_t plane = begin; plane < end && !call.ctx.cancelled(); ++plane) {
            const std::int64_t image = plane / shape[1], channel = plane % shape[1];
            std::ranges::fill(sums, bias ? static_cast<double>(bias[channel]) : 0.0);
            for (std::int64_t c = 0; c < channels && !call.ctx.cancelled(); ++c) {
                const std::int64_t from = channel / perGroup * channels + c;
                scatterChannel(w, x + (image * group * channels + from) * w.dstSize(),
                               weights + (from * perGroup + channel % perGroup) * w.kernelSize(),
                               sums.data());
            }
            std::ranges::transform(sums, dst + plane * w.srcSize(),
                                   [](double sum) { return static_cast<T>(sum); });
        }
    };
    QS_CHECK_OK(parallelFor(result.numel() == 0 ? 0 : shape[0] * shape[1], 1, call.ctx, scatterPlanes));
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> transposedConvolution(NodeReader &reader) {
    QS_TRY(const TransposedAttributes attributes, TransposedAttributes::read(reader));
    return widenHalfTypes([attributes](KernelCall &call) -> Outputs {
        QS_TRY(const TransposedPlan plan, attributes.plan(call));
        return dispatch(FloatTypes{}, call[0].dtype(), [&]<typename T>() {
            return convolveTransposed<T>(call, plan.window, attributes.group, plan.result);
        });
    });
}

constexpr KernelEntry kEntries[] = {
    {"ConvTranspose", 1, transposedConvolution},
};

} // namespace

KernelFamily transposedConvolutionKernels() {
    return kEntries;
}

} // namespace qs
