#include "core/base/parallel.h"
#include "core/exec/reference/convolution.h"
#include "core/exec/reference/dispatch.h"
#include "core/exec/reference/families.h"

namespace qs {

Result<ConvolutionPlan> planConvolution(const KernelCall &call, const WindowAttributes &attributes,
                                        std::int64_t group) {
    QS_CHECK_OK(requireSameType(call, call.has(2) ? 3 : 2));
    const Shape &x = call[0].shape(), &w = call[1].shape();
    if (x.rank() < 3 || x.rank() != w.rank() || group < 1 || group > std::max<std::int64_t>(1, w[0]) ||
        w[0] % group != 0 || x[1] != w[1] * group)
        return fail(
            ErrorCode::InvalidArgument,
            fmt::format("input {} and weight {} with {} groups do not fit", x.text(), w.text(), group));
    if (call.has(2) && call[2].shape() != Shape{w[0]})
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("a bias of shape {} for {} channels", call[2].shape().text(), w[0]));
    ConvolutionPlan plan;
    const auto spatial = static_cast<std::size_t>(x.rank() - 2);
    QS_TRY(plan.window, attributes.plan({x.dims().data() + 2, spatial}, {w.dims().data() + 2, spatial}));
    plan.batch = x[0];
    plan.groups = group;
    plan.srcChannels = x[1];
    plan.dstChannels = w[0];
    plan.result = windowResultShape(x, w[0], plan.window);
    return plan;
}

namespace {

/// Adds one kernel row's contribution to one output row. Positions whose source lies in the padding are
/// skipped.
template <typename T>
void addKernelRow(const WindowPlan &w, const T *src, const T *weights, Accumulator<T> *sums) {
    for (std::int64_t kx = 0; kx < w.kernel[2]; ++kx) {
        const auto weight = static_cast<Accumulator<T>>(weights[kx]);
        const std::int64_t shift = w.at(2, 0, kx);
        const auto [first, last] = w.inside(2, kx);
        for (std::int64_t o = first; o < last; ++o)
            sums[o] += weight * static_cast<Accumulator<T>>(src[o * w.stride[2] + shift]);
    }
}

/// One output row (all positions along the last axis) of one output channel.
template <typename T>
void convolveRow(const WindowPlan &w, const T *src, const T *weights, std::int64_t channels, std::int64_t z,
                 std::int64_t y, std::span<Accumulator<T>> sums) {
    for (std::int64_t c = 0; c < channels; ++c)
        for (std::int64_t kz = 0; kz < w.kernel[0]; ++kz)
            for (std::int64_t ky = 0; ky < w.kernel[1]; ++ky) {
                const std::int64_t sz = w.at(0, z, kz), sy = w.at(1, y, ky);
                if (sz < 0 || sz >= w.src[0] || sy < 0 || sy >= w.src[1])
                    continue;
                addKernelRow(w, src + ((c * w.src[0] + sz) * w.src[1] + sy) * w.src[2],
                             weights + ((c * w.kernel[0] + kz) * w.kernel[1] + ky) * w.kernel[2],
                             sums.data());
            }
}

template <typename T>
Outputs convolve(const KernelCall &call, const ConvolutionPlan &plan) {
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), plan.result));
    if (result.numel() == 0)
        return std::vector<Tensor>{std::move(result)};
    const WindowPlan &w = plan.window;
    const T *src = call[0].values<T>().data(), *weights = call[1].values<T>().data();
    const T *bias = call.has(2) ? call[2].values<T>().data() : nullptr;
    T *dst = result.mutableValues<T>().data();
    const std::int64_t perGroup = plan.dstChannels / plan.groups, channels = plan.srcChannels / plan.groups;
    const std::int64_t rows = w.dst[0] * w.dst[1];
    const std::int64_t grain =
        std::max<std::int64_t>(1, 65536 / std::max<std::int64_t>(1, channels * w.kernelSize() * w.dst[2]));
    QS_CHECK_OK(parallelFor(
        plan.batch * plan.dstChannels * rows, grain, call.ctx, [&](std::int64_t begin, std::int64_t end) {
            std::vector<Accumulator<T>> sums(static_cast<std::size_t>(w.dst[2]));
            for (std::int64_t row = begin; row < end; ++row) {
                const std::int64_t image = row / rows / plan.dstChannels,
                                   channel = row / rows % plan.dstChannels;
                std::fill(sums.begin(), sums.end(),
                          bias ? static_cast<Accumulator<T>>(bias[channel]) : Accumulator<T>(0));
                convolveRow<T>(w,
                               src + (image * plan.srcChannels + channel / perGroup * channels) * w.srcSize(),
                               weights + channel * channels * w.kernelSize(), channels, row % rows / w.dst[1],
                               row % w.dst[1], sums);
                std::transform(sums.begin(), sums.end(), dst + row * w.dst[2],
                               [](Accumulator<T> sum) { return static_cast<T>(sum); });
            }
        }));
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> convolution(NodeReader &reader) {
    QS_TRY(const WindowAttributes attributes, WindowAttributes::read(reader));
    return widenHalfTypes([attributes, group = reader.intAttribute("group", 1)](KernelCall &call) -> Outputs {
        QS_TRY(const ConvolutionPlan plan, planConvolution(call, attributes, group));
        return dispatch(FloatTypes{}, call[0].dtype(), [&]<typename T>() { return convolve<T>(call, plan); });
    });
}

constexpr KernelEntry kEntries[] = {
    {"Conv", 1, convolution},
};

} // namespace

Outputs convolveInt32(const KernelCall &call, const ConvolutionPlan &plan) {
    return convolve<std::int32_t>(call, plan);
}

KernelFamily convolutionKernels() {
    return kEntries;
}

} // namespace qs
