#include "core/base/parallel.h"
#include "core/exec/reference/sliding_window.h"
#include "core/gradient/gradient_rule.h"

namespace qs {
namespace {

/// Calls fn(source offset) for every element under the window at output position `at` that is no padding.
template <typename Fn>
void forEachUnderWindow(const WindowPlan &w, std::int64_t at, const Fn &fn) {
    const std::int64_t x = at % w.dst[2], y = at / w.dst[2] % w.dst[1], z = at / w.dst[2] / w.dst[1];
    for (std::int64_t k = 0; k < w.kernelSize(); ++k) {
        const std::int64_t sx = w.at(2, x, k % w.kernel[2]), sy = w.at(1, y, k / w.kernel[2] % w.kernel[1]),
                           sz = w.at(0, z, k / w.kernel[2] / w.kernel[1]);
        if (sz >= 0 && sz < w.src[0] && sy >= 0 && sy < w.src[1] && sx >= 0 && sx < w.src[2])
            fn((sz * w.src[1] + sy) * w.src[2] + sx);
    }
}

/// Elements that an average divides by where padding counts: those up to the end of the declared padding.
std::int64_t paddedCount(const WindowPlan &w, std::int64_t at) {
    const std::array<std::int64_t, 3> position{at / w.dst[2] / w.dst[1], at / w.dst[2] % w.dst[1],
                                               at % w.dst[2]};
    std::int64_t count = 1;
    for (int axis = 0; axis < 3; ++axis) {
        const auto a = static_cast<std::size_t>(axis);
        std::int64_t inside = 0;
        for (std::int64_t k = 0; k < w.kernel[a]; ++k)
            inside += w.at(axis, position[a], k) < w.src[a] + w.padEnd[a];
        count *= inside;
    }
    return count;
}

/// Calls body(source plane, result plane, gradient plane, destination plane) for every image and channel.
template <typename Body>
Gradients forEachPlane(const BackwardCall &call, const WindowPlan &w, const Body &body) {
    Tensor gradient = Tensor::zeros(DType::Float32, call.operand(0).shape());
    const float *x = call.operand(0).values<float>().data(), *g = call.gradients[0].values<float>().data();
    float *dst = gradient.mutableValues<float>().data();
    const std::int64_t planes = gradient.shape()[0] * gradient.shape()[1];
    QS_CHECK_OK(parallelFor(planes, 4, call.forward.ctx, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t plane = begin; plane < end; ++plane)
            body(x + plane * w.srcSize(), g + plane * w.dstSize(), dst + plane * w.srcSize());
    }));
    return onlyFirst(call, std::move(gradient));
}

Result<WindowPlan> planOf(const BackwardCall &call, bool global) {
    NodeReader reader = call.reader();
    QS_TRY(WindowAttributes attributes, WindowAttributes::read(reader));
    attributes.ceilMode = reader.flag("ceil_mode", false);
    const Shape &x = call.operand(0).shape();
    const std::span<const std::int64_t> spatial(x.dims().data() + 2, static_cast<std::size_t>(x.rank() - 2));
    return attributes.plan(spatial, global ? spatial : std::span<const std::int64_t>(attributes.kernel));
}

Gradients average(const BackwardCall &call, bool global) {
    QS_TRY(const WindowPlan w, planOf(call, global));
    const bool countsPadding = call.node.intAttribute("count_include_pad", 0) != 0;
    return forEachPlane(call, w, [&](const float *, const float *g, float *dst) {
        for (std::int64_t at = 0; at < w.dstSize(); ++at) {
            std::int64_t count = 0;
            forEachUnderWindow(w, at, [&](std::int64_t) { ++count; });
            const auto share = g[at] / static_cast<float>(countsPadding ? paddedCount(w, at) : count);
            forEachUnderWindow(w, at, [&](std::int64_t offset) { dst[offset] += share; });
        }
    });
}

/// The gradient goes to the first of the largest elements.
Gradients largest(const BackwardCall &call, bool global) {
    QS_TRY(const WindowPlan w, planOf(call, global));
    return forEachPlane(call, w, [&](const float *x, const float *g, float *dst) {
        for (std::int64_t at = 0; at < w.dstSize(); ++at) {
            std::int64_t best = -1;
            forEachUnderWindow(w, at, [&](std::int64_t offset) {
                if (best < 0 || x[offset] > x[best])
                    best = offset;
            });
            if (best >= 0)
                dst[best] += g[at];
        }
    });
}

template <bool Global>
Gradients averagePool(const BackwardCall &call) {
    return average(call, Global);
}

template <bool Global>
Gradients maxPool(const BackwardCall &call) {
    return largest(call, Global);
}

constexpr GradientRuleEntry kEntries[] = {
    {"AveragePool", averagePool<false>},
    {"GlobalAveragePool", averagePool<true>},
    {"MaxPool", maxPool<false>},
    {"GlobalMaxPool", maxPool<true>},
};

} // namespace

RuleFamily poolingRules() {
    return kEntries;
}

} // namespace qs
