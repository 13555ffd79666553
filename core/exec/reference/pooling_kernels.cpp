#include "core/base/parallel.h"
#include "core/exec/reference/dispatch.h"
#include "core/exec/reference/families.h"
#include "core/exec/reference/sliding_window.h"

#include <cmath>

namespace qs {
namespace {

/// Plan over the spatial axes of [N, C, spatial…]; the window is the whole image when `global`.
Result<WindowPlan> planPooling(const KernelCall &call, const WindowAttributes &attributes, bool global) {
    QS_CHECK_OK(requireInputs(call, 1));
    const Shape &x = call[0].shape();
    if (x.rank() < 3)
        return fail(ErrorCode::InvalidArgument, fmt::format("shape {} has no spatial axes", x.text()));
    const std::span<const std::int64_t> spatial(x.dims().data() + 2, static_cast<std::size_t>(x.rank() - 2));
    return attributes.plan(spatial, global ? spatial : std::span<const std::int64_t>(attributes.kernel));
}

/// Kernel positions [first, last) that read no padding for output position o: a window may be far larger than
/// its source.
std::pair<std::int64_t, std::int64_t> kernelInside(const WindowPlan &w, int axis, std::int64_t o) {
    const auto a = static_cast<std::size_t>(axis);
    const std::int64_t start = w.at(axis, o, 0), step = w.dilation[a], reachable = w.src[a] - start;
    return {start >= 0 ? 0 : std::min(w.kernel[a], (-start + step - 1) / step),
            reachable <= 0 ? 0 : std::min(w.kernel[a], (reachable + step - 1) / step)};
}

/// Calls fn(source offset) for every element under the window at output position (z, y, x) that is no
/// padding.
template <typename Fn>
void forEachUnderWindow(const WindowPlan &w, std::int64_t z, std::int64_t y, std::int64_t x, const Fn &fn) {
    const auto [firstZ, lastZ] = kernelInside(w, 0, z);
    const auto [firstY, lastY] = kernelInside(w, 1, y);
    const auto [firstX, lastX] = kernelInside(w, 2, x);
    for (std::int64_t kz = firstZ; kz < lastZ; ++kz)
        for (std::int64_t ky = firstY; ky < lastY; ++ky)
            for (std::int64_t kx = firstX; kx < lastX; ++kx)
                fn((w.at(0, z, kz) * w.src[1] + w.at(1, y, ky)) * w.src[2] + w.at(2, x, kx));
}

/// Calls fn(plane, output index, z, y, x) for all output positions, planes in parallel.
template <typename Fn>
Status forEachOutput(const KernelCall &call, const WindowPlan &w, const Shape &result, const Fn &fn) {
    if (result.numel() == 0)
        return {};
    return parallelFor(result[0] * result[1], 1, call.ctx, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t plane = begin; plane < end; ++plane)
            for (std::int64_t z = 0, at = plane * w.dstSize(); z < w.dst[0]; ++z)
                for (std::int64_t y = 0; y < w.dst[1] && !call.ctx.cancelled(); ++y)
                    for (std::int64_t x = 0; x < w.dst[2]; ++x, ++at)
                        fn(plane, at, z, y, x);
    });
}

/// Index of a source element as the Indices output counts it: over the whole tensor, spatial axes row- or
/// column-major.
std::int64_t argmaxIndex(const WindowPlan &w, std::int64_t plane, std::int64_t offset, bool columnMajor) {
    if (columnMajor) {
        const std::int64_t x = offset % w.src[2], y = offset / w.src[2] % w.src[1],
                           z = offset / w.src[2] / w.src[1];
        offset = (x * w.src[1] + y) * w.src[0] + z;
    }
    return plane * w.srcSize() + offset;
}

template <typename T>
Outputs maxPool(const KernelCall &call, const WindowPlan &w, bool wantsIndices, bool columnMajor) {
    const Shape shape = windowResultShape(call[0].shape(), call[0].shape()[1], w);
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), shape));
    Tensor indices;
    if (wantsIndices) {
        QS_TRY(indices, call.allocate(DType::Int64, shape));
    }
    const T *src = call[0].values<T>().data();
    T *dst = result.mutableValues<T>().data();
    std::int64_t *where = wantsIndices ? indices.mutableValues<std::int64_t>().data() : nullptr;
    QS_CHECK_OK(
        forEachOutput(call, w, shape, [&](std::int64_t plane, std::int64_t at, auto z, auto y, auto x) {
            const T *image = src + plane * w.srcSize();
            T best = std::numeric_limits<T>::lowest();
            std::int64_t bestOffset = -1;
            forEachUnderWindow(w, z, y, x, [&](std::int64_t offset) {
                if (bestOffset < 0 || image[offset] > best || image[offset] != image[offset]) {
                    best = image[offset];
                    bestOffset = offset;
                }
            });
            dst[at] = best;
            if (where)
                where[at] = argmaxIndex(w, plane, std::max<std::int64_t>(0, bestOffset), columnMajor);
        }));
    return std::vector<Tensor>{std::move(result), std::move(indices)};
}

/// Elements that an average divides by when padding counts: the window cut at the padded border.
std::int64_t paddedCount(const WindowPlan &w, std::int64_t z, std::int64_t y, std::int64_t x) {
    const std::array<std::int64_t, 3> at{z, y, x};
    std::int64_t count = 1;
    for (int axis = 0; axis < 3; ++axis) {
        const auto a = static_cast<std::size_t>(axis);
        const std::int64_t reachable = w.src[a] + w.padEnd[a] - w.at(axis, at[a], 0);
        count *= std::clamp<std::int64_t>((reachable + w.dilation[a] - 1) / w.dilation[a], 0, w.kernel[a]);
    }
    return count;
}

/// One float for every output position: result(source plane, z, y, x).
template <typename T, typename Fn>
Outputs poolWindows(const KernelCall &call, const WindowPlan &w, const Fn &resultAt) {
    const Shape shape = windowResultShape(call[0].shape(), call[0].shape()[1], w);
    QS_TRY(Tensor result, call.allocate(dtypeOf<T>(), shape));
    const T *src = call[0].values<T>().data();
    T *dst = result.mutableValues<T>().data();
    QS_CHECK_OK(
        forEachOutput(call, w, shape, [&](std::int64_t plane, std::int64_t at, auto z, auto y, auto x) {
            dst[at] = static_cast<T>(resultAt(src + plane * w.srcSize(), z, y, x));
        }));
    return std::vector<Tensor>{std::move(result)};
}

template <typename T>
Outputs averagePool(const KernelCall &call, const WindowPlan &w, bool countPadding) {
    return poolWindows<T>(call, w, [&](const T *plane, auto z, auto y, auto x) {
        double sum = 0;
        std::int64_t count = 0;
        forEachUnderWindow(w, z, y, x, [&](std::int64_t offset) {
            sum += static_cast<double>(plane[offset]);
            ++count;
        });
        return sum / static_cast<double>(countPadding ? paddedCount(w, z, y, x) : count);
    });
}

/// (Σ |x|^p)^(1/p) over the window.
template <typename T>
Outputs normPool(const KernelCall &call, const WindowPlan &w, double p) {
    return poolWindows<T>(call, w, [&](const T *plane, auto z, auto y, auto x) {
        double sum = 0;
        forEachUnderWindow(w, z, y, x, [&](std::int64_t offset) {
            sum += std::pow(std::fabs(static_cast<double>(plane[offset])), p);
        });
        return std::pow(sum, 1 / p);
    });
}

using MaxPoolTypes = Types<float, double, std::int8_t, std::uint8_t>;

Result<Kernel> maxPooling(NodeReader &reader) {
    QS_TRY(WindowAttributes attributes, WindowAttributes::read(reader));
    attributes.ceilMode = reader.flag("ceil_mode", false);
    const bool columnMajor = reader.flag("storage_order", false), wantsIndices = reader.hasOutput(1);
    return widenHalfTypes([=](KernelCall &call) -> Outputs {
        QS_TRY(const WindowPlan plan, planPooling(call, attributes, false));
        return dispatch(MaxPoolTypes{}, call[0].dtype(),
                        [&]<typename T>() { return maxPool<T>(call, plan, wantsIndices, columnMajor); });
    });
}

Result<Kernel> averagePooling(NodeReader &reader) {
    QS_TRY(WindowAttributes attributes, WindowAttributes::read(reader));
    attributes.ceilMode = reader.flag("ceil_mode", false);
    const bool countPadding = reader.flag("count_include_pad", false);
    return widenHalfTypes([=](KernelCall &call) -> Outputs {
        QS_TRY(const WindowPlan plan, planPooling(call, attributes, false));
        return dispatch(FloatTypes{}, call[0].dtype(),
                        [&]<typename T>() { return averagePool<T>(call, plan, countPadding); });
    });
}

template <bool Max>
Result<Kernel> globalPooling(NodeReader &) {
    return widenHalfTypes([](KernelCall &call) -> Outputs {
        QS_TRY(const WindowPlan plan, planPooling(call, {}, true));
        return dispatch(FloatTypes{}, call[0].dtype(), [&]<typename T>() {
            return Max ? maxPool<T>(call, plan, false, false) : averagePool<T>(call, plan, false);
        });
    });
}

template <bool Global>
Result<Kernel> normPooling(NodeReader &reader) {
    WindowAttributes attributes;
    if (!Global) {
        QS_TRY(attributes, WindowAttributes::read(reader));
        attributes.ceilMode = reader.flag("ceil_mode", false);
    }
    const std::int64_t p = reader.intAttribute("p", 2);
    if (p < 1)
        return fail(ErrorCode::Unsupported, fmt::format("p={}", p));
    return widenHalfTypes([=](KernelCall &call) -> Outputs {
        QS_TRY(const WindowPlan plan, planPooling(call, attributes, Global));
        return dispatch(FloatTypes{}, call[0].dtype(),
                        [&]<typename T>() { return normPool<T>(call, plan, static_cast<double>(p)); });
    });
}

constexpr KernelEntry kEntries[] = {
    {"MaxPool", 1, maxPooling},
    {"AveragePool", 1, averagePooling},
    {"LpPool", 2, normPooling<false>},
    {"GlobalLpPool", 2, normPooling<true>},
    {"GlobalMaxPool", 1, globalPooling<true>},
    {"GlobalAveragePool", 1, globalPooling<false>},
};

} // namespace

KernelFamily poolingKernels() {
    return kEntries;
}

} // namespace qs
