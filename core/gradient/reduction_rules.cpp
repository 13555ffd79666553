#include "core/exec/reference/axes.h"
#include "core/exec/reference/broadcast.h"
#include "core/gradient/gradient_rule.h"

#include <numeric>

namespace qs {
namespace {

/// The operand's shape with 1 in place of every reduced axis; the operand's own when nothing is reduced.
Result<Shape> reducedShape(const BackwardCall &call, std::int64_t axesInputSince) {
    NodeReader reader = call.reader();
    const bool emptyIsNoop = reader.opset() >= axesInputSince && reader.flag("noop_with_empty_axes", false);
    QS_TRY(const auto given, AxesSource::read(reader, axesInputSince).get(call.forward));
    Shape shape = call.operand(0).shape();
    QS_TRY(std::vector<int> axes, normalizeAxes(given.value_or(std::vector<std::int64_t>{}), shape.rank()));
    if (axes.empty() && !emptyIsNoop) {
        axes.resize(static_cast<std::size_t>(shape.rank()));
        std::iota(axes.begin(), axes.end(), 0);
    }
    for (const int axis : axes)
        shape[axis] = 1;
    return shape;
}

/// Spreads the gradient over what was reduced. \param slope  d result / d element, from the element and how
/// many were reduced to one
template <typename Slope>
Gradients spread(const BackwardCall &call, std::int64_t axesInputSince, const Slope &slope) {
    QS_TRY(const Shape reduced, reducedShape(call, axesInputSince));
    const Tensor &x = call.operand(0);
    const Tensor above = call.gradients[0].reshaped(reduced);
    const double count =
        static_cast<double>(x.numel()) / static_cast<double>(std::max<std::int64_t>(1, reduced.numel()));
    QS_TRY(const auto loop, (planBroadcast<2>({&x.shape(), &above.shape()})));
    Tensor gradient = Tensor::allocate(DType::Float32, x.shape());
    const float *values = x.values<float>().data(), *g = above.values<float>().data();
    float *dst = gradient.mutableValues<float>().data();
    const std::int64_t step = loop.innerStride(1);
    QS_CHECK_OK(
        forEachRun(loop, call.forward.ctx,
                   [&](std::int64_t at, const std::array<std::int64_t, 2> &from, std::int64_t length) {
                       for (std::int64_t i = 0; i < length; ++i)
                           dst[at + i] = g[from[1] + i * step] * slope(values[at + i], count);
                   }));
    return onlyFirst(call, std::move(gradient));
}

Gradients sumOf(const BackwardCall &call) {
    return spread(call, 13, [](float, double) { return 1.0f; });
}

Gradients meanOf(const BackwardCall &call) {
    return spread(call, 18, [](float, double count) { return static_cast<float>(1 / count); });
}

Gradients sumOfSquares(const BackwardCall &call) {
    return spread(call, 18, [](float x, double) { return 2 * x; });
}

constexpr GradientRuleEntry kEntries[] = {
    {"ReduceSum", sumOf},
    {"ReduceMean", meanOf},
    {"ReduceSumSquare", sumOfSquares},
};

} // namespace

RuleFamily reductionRules() {
    return kEntries;
}

} // namespace qs
