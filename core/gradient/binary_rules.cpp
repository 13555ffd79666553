#include "core/exec/reference/broadcast.h"
#include "core/gradient/broadcast_sum.h"
#include "core/gradient/gradient_rule.h"

#include <cmath>

namespace qs {
namespace {

/// Where opset 6 and earlier name an axis to broadcast along.
Status refuseLegacyBroadcast(const BackwardCall &call) {
    if (call.node.hasAttribute("axis") || call.node.hasAttribute("broadcast"))
        return fail(ErrorCode::Unsupported, "broadcasting along an axis (opset 6 and earlier)");
    return {};
}

/// gradient · slope(a, b) at every result element, summed to the shape of operand `index`.
template <typename Slope>
Result<Tensor> partial(const BackwardCall &call, std::size_t index, const Slope &slope) {
    const Tensor &a = call.operand(0), &b = call.operand(1), &above = call.gradients[0];
    QS_TRY(const auto loop, (planBroadcast<3>({&a.shape(), &b.shape(), &above.shape()})));
    Tensor full = Tensor::allocate(DType::Float32, loop.shape);
    const float *x = a.values<float>().data(), *y = b.values<float>().data(),
                *g = above.values<float>().data();
    float *dst = full.mutableValues<float>().data();
    const std::int64_t xStep = loop.innerStride(0), yStep = loop.innerStride(1);
    QS_CHECK_OK(forEachRun(loop, call.forward.ctx,
                           [&](std::int64_t at, const std::array<std::int64_t, 3> &from, std::int64_t count) {
                               const float *xs = x + from[0], *ys = y + from[1];
                               for (std::int64_t i = 0; i < count; ++i)
                                   dst[at + i] = g[at + i] * slope(xs[i * xStep], ys[i * yStep]);
                           }));
    return sumToShape(full, call.operand(index).shape());
}

template <auto SlopeA, auto SlopeB>
Gradients binary(const BackwardCall &call) {
    QS_CHECK_OK(refuseLegacyBroadcast(call));
    std::vector<Tensor> gradients(call.wanted.size());
    if (call.wants(0)) {
        QS_TRY(gradients[0], partial(call, 0, SlopeA));
    }
    if (call.wants(1)) {
        QS_TRY(gradients[1], partial(call, 1, SlopeB));
    }
    return gradients;
}

/// Add and Sum of any number of operands: the gradient itself.
Gradients sum(const BackwardCall &call) {
    QS_CHECK_OK(refuseLegacyBroadcast(call));
    std::vector<Tensor> gradients(call.wanted.size());
    for (std::size_t i = 0; i < gradients.size(); ++i)
        if (call.wants(i))
            gradients[i] = sumToShape(call.gradients[0], call.operand(i).shape());
    return gradients;
}

constexpr auto kOne = [](float, float) { return 1.0f; };
constexpr auto kMinusOne = [](float, float) { return -1.0f; };
constexpr auto kFirst = [](float a, float) { return a; };
constexpr auto kSecond = [](float, float b) { return b; };
constexpr auto kDivA = [](float, float b) { return 1 / b; };
constexpr auto kDivB = [](float a, float b) { return -a / (b * b); };
constexpr auto kPowA = [](float a, float b) {
    return b == 2 ? 2 * a : b == 0 ? 0.0f : b * std::pow(a, b - 1);
};
/// 0 where the base is not positive: the power is not a function of the exponent there.
constexpr auto kPowB = [](float a, float b) { return a > 0 ? std::pow(a, b) * std::log(a) : 0.0f; };
/// Ties go to the first operand.
constexpr auto kMaxA = [](float a, float b) { return a >= b ? 1.0f : 0.0f; };
constexpr auto kMaxB = [](float a, float b) { return a >= b ? 0.0f : 1.0f; };
constexpr auto kMinA = [](float a, float b) { return a <= b ? 1.0f : 0.0f; };
constexpr auto kMinB = [](float a, float b) { return a <= b ? 0.0f : 1.0f; };
/// Slope 1 above 0, b below it.
constexpr auto kPreluA = [](float a, float b) { return a < 0 ? b : 1.0f; };
constexpr auto kPreluB = [](float a, float) { return a < 0 ? a : 0.0f; };

template <auto SlopeA, auto SlopeB>
Gradients pairOnly(const BackwardCall &call) {
    if (call.wanted.size() != 2)
        return fail(ErrorCode::Unsupported, "more or fewer than two operands");
    return binary<SlopeA, SlopeB>(call);
}

/// The exponent may be of another type; then it is a constant.
Gradients power(const BackwardCall &call) {
    if (call.operand(1).dtype() != DType::Float32)
        return fail(ErrorCode::Unsupported, "an exponent that is not float32");
    return binary<kPowA, kPowB>(call);
}

constexpr GradientRuleEntry kEntries[] = {
    {"Add", sum},
    {"Sum", sum},
    {"Sub", binary<kOne, kMinusOne>},
    {"Mul", binary<kSecond, kFirst>},
    {"Div", binary<kDivA, kDivB>},
    {"Pow", power},
    {"Max", pairOnly<kMaxA, kMaxB>},
    {"Min", pairOnly<kMinA, kMinB>},
    {"PRelu", binary<kPreluA, kPreluB>},
};

} // namespace

RuleFamily binaryRules() {
    return kEntries;
}

} // namespace qs
