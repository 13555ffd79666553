#include "core/exec/reference/elementwise.h"
#include "core/exec/reference/transformer_families.h"

#include <cmath>
#include <unsupported/Eigen/SpecialFunctions>

namespace qs {
namespace {

constexpr const char *kMicrosoft = "com.microsoft";

// Activations of newer opsets, and those that ONNX Runtime's optimizer puts in place of several nodes.

constexpr auto kExactGelu = [](const auto &x) {
    using T = typename std::decay_t<decltype(x)>::Scalar;
    return T(0.5) * x * (T(1) + (x * T(0.70710678118654752440)).erf());
};
constexpr auto kTanhGelu = [](const auto &x) {
    using T = typename std::decay_t<decltype(x)>::Scalar;
    return T(0.5) * x * (T(1) + (T(0.79788456080286535588) * (x + T(0.044715) * x.cube())).tanh());
};

/// x · tanh(log(1 + exp(x))), the logarithm written so that it neither overflows nor loses small values.
constexpr auto kMish = []<typename T>(T v) {
    return v * std::tanh(std::max(v, T(0)) + std::log1p(std::exp(-std::fabs(v))));
};

/// x · sigmoid(alpha · x).
Kernel swishOf(double alpha) {
    return elementKernel(
        FloatTypes{}, [alpha]<typename T>(T v) { return v / (T(1) + std::exp(-static_cast<T>(alpha) * v)); });
}

Result<Kernel> swish(NodeReader &reader) {
    return swishOf(reader.floatAttribute("alpha", 1));
}

Result<Kernel> quickGelu(NodeReader &reader) {
    return swishOf(reader.floatAttribute("alpha", 1.702));
}

/// A copy of operand 0 with operand 1, a list along the last axis, added.
template <typename T>
Result<Tensor> withBias(const KernelCall &call) {
    const Shape &shape = call[0].shape();
    QS_TRY(Tensor sum, call.allocate(call[0].dtype(), shape));
    const std::span<const T> src = call[0].values<T>(), bias = call[1].values<T>();
    const std::span<T> dst = sum.mutableValues<T>();
    for (std::size_t i = 0; i < dst.size(); ++i)
        dst[i] = src[i] + bias[i % bias.size()];
    return sum;
}

Status checkBias(const KernelCall &call) {
    const Shape &shape = call[0].shape();
    if (shape.rank() == 0 || call[1].shape() != Shape{shape[shape.rank() - 1]})
        return fail(ErrorCode::InvalidArgument, fmt::format("a bias of shape {} for a tensor of shape {}",
                                                            call[1].shape().text(), shape.text()));
    return {};
}

/// Gelu of x, or of x + bias. \param needsBias  the operator has no form without
template <auto Fn, bool NeedsBias>
Result<Kernel> biasedGelu(NodeReader &) {
    return widenHalfTypes([](KernelCall &call) -> Outputs {
        const bool biased = NeedsBias || call.has(1);
        QS_CHECK_OK(requireSameType(call, biased ? 2 : 1));
        if (biased)
            QS_CHECK_OK(checkBias(call));
        return dispatch(FloatTypes{}, call[0].dtype(), [&]<typename T>() -> Outputs {
            if (biased) {
                QS_TRY(call.inputs[0], withBias<T>(call));
            }
            return mapArray<T>(call, Fn);
        });
    });
}

constexpr KernelEntry kEntries[] = {
    {"Mish", 18, elementUnary<FloatTypes, kMish>},
    {"Swish", 24, swish},
    {"Gelu", 1, arrayUnary<FloatTypes, kExactGelu>, kMicrosoft},
    {"BiasGelu", 1, biasedGelu<kExactGelu, true>, kMicrosoft},
    {"FastGelu", 1, biasedGelu<kTanhGelu, false>, kMicrosoft},
    {"QuickGelu", 1, quickGelu, kMicrosoft},
};

} // namespace

KernelFamily gateKernels() {
    return kEntries;
}

} // namespace qs
