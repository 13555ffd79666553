#include "core/base/parallel.h"
#include "core/gradient/gradient_rule.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace qs {
namespace {

/// gradient · slope(x, y) for every element. \param slope  dy/dx, from the operand and the result
template <typename Slope>
Gradients elementwise(const BackwardCall &call, const Slope &slope) {
    Tensor gradient = Tensor::allocate(DType::Float32, call.operand(0).shape());
    const float *x = call.operand(0).values<float>().data(), *y = call.results[0].values<float>().data();
    const float *above = call.gradients[0].values<float>().data();
    float *dst = gradient.mutableValues<float>().data();
    QS_CHECK_OK(
        parallelFor(gradient.numel(), 32768, call.forward.ctx, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t i = begin; i < end; ++i)
                dst[i] = above[i] * slope(x[i], y[i]);
        }));
    return onlyFirst(call, std::move(gradient));
}

template <auto Slope>
Gradients unary(const BackwardCall &call) {
    return elementwise(call, Slope);
}

constexpr float kRootHalf = std::numbers::sqrt2_v<float> / 2;
constexpr float kGauss = 0.39894228040143267794f;    // 1 / sqrt(2 pi)
constexpr float kErfSlope = 1.12837916709551257390f; // 2 / sqrt(pi)
constexpr float kTanhGelu = 0.79788456080286535588f; // sqrt(2 / pi)

constexpr auto kNeg = [](float, float) { return -1.0f; };
constexpr auto kAbs = [](float x, float) { return x > 0 ? 1.0f : x < 0 ? -1.0f : 0.0f; };
constexpr auto kSqrt = [](float, float y) { return 0.5f / y; };
constexpr auto kReciprocal = [](float, float y) { return -y * y; };
constexpr auto kExp = [](float, float y) { return y; };
constexpr auto kLog = [](float x, float) { return 1 / x; };
constexpr auto kSin = [](float x, float) { return std::cos(x); };
constexpr auto kCos = [](float x, float) { return -std::sin(x); };
constexpr auto kRelu = [](float x, float) { return x > 0 ? 1.0f : 0.0f; };
constexpr auto kSigmoid = [](float, float y) { return y * (1 - y); };
constexpr auto kTanh = [](float, float y) { return 1 - y * y; };
constexpr auto kErf = [](float x, float) { return kErfSlope * std::exp(-x * x); };
constexpr auto kSoftplus = [](float x, float) { return 1 / (1 + std::exp(-x)); };
constexpr auto kHardSwish = [](float x, float) { return x <= -3 ? 0.0f : x >= 3 ? 1.0f : (2 * x + 3) / 6; };

Gradients hardSigmoid(const BackwardCall &call) {
    const auto alpha = static_cast<float>(call.node.floatAttribute("alpha", 0.2));
    return elementwise(call, [alpha](float, float y) { return y > 0 && y < 1 ? alpha : 0.0f; });
}

Gradients leakyRelu(const BackwardCall &call) {
    const auto alpha = static_cast<float>(call.node.floatAttribute("alpha", 0.01));
    return elementwise(call, [alpha](float x, float) { return x < 0 ? alpha : 1.0f; });
}

Gradients elu(const BackwardCall &call) {
    const auto alpha = static_cast<float>(call.node.floatAttribute("alpha", 1.0));
    return elementwise(call, [alpha](float x, float y) { return x < 0 ? y + alpha : 1.0f; });
}

Gradients gelu(const BackwardCall &call) {
    if (call.node.stringAttribute("approximate", "none") == "none")
        return elementwise(call, [](float x, float) {
            return 0.5f * (1 + std::erf(x * kRootHalf)) + x * kGauss * std::exp(-0.5f * x * x);
        });
    return elementwise(call, [](float x, float) {
        const float t = std::tanh(kTanhGelu * (x + 0.044715f * x * x * x));
        return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * kTanhGelu * (1 + 3 * 0.044715f * x * x);
    });
}

/// Passes where x lies within the limits, both included.
Gradients clip(const BackwardCall &call) {
    constexpr auto kNone = static_cast<double>(std::numeric_limits<float>::max());
    auto low = static_cast<float>(call.node.floatAttribute("min", -kNone));
    auto high = static_cast<float>(call.node.floatAttribute("max", kNone));
    if (call.forward.has(1))
        low = call.operand(1).values<float>()[0];
    if (call.forward.has(2))
        high = call.operand(2).values<float>()[0];
    return elementwise(call, [=](float x, float) { return x >= low && x <= high ? 1.0f : 0.0f; });
}

constexpr GradientRuleEntry kEntries[] = {
    {"Neg", unary<kNeg>},
    {"Abs", unary<kAbs>},
    {"Sqrt", unary<kSqrt>},
    {"Reciprocal", unary<kReciprocal>},
    {"Exp", unary<kExp>},
    {"Log", unary<kLog>},
    {"Sin", unary<kSin>},
    {"Cos", unary<kCos>},
    {"Relu", unary<kRelu>},
    {"Sigmoid", unary<kSigmoid>},
    {"Tanh", unary<kTanh>},
    {"Erf", unary<kErf>},
    {"Softplus", unary<kSoftplus>},
    {"HardSwish", unary<kHardSwish>},
    {"HardSigmoid", hardSigmoid},
    {"LeakyRelu", leakyRelu},
    {"Elu", elu},
    {"Gelu", gelu},
    {"Clip", clip},
};

} // namespace

RuleFamily unaryRules() {
    return kEntries;
}

} // namespace qs
