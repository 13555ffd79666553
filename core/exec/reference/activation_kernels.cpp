#include "core/exec/reference/elementwise.h"
#include "core/exec/reference/families.h"

#include <cmath>
#include <unsupported/Eigen/SpecialFunctions>

namespace qs {
namespace {

template <typename Array>
using ScalarOf = typename std::decay_t<Array>::Scalar;

// Written with comparisons, not max: NaN must stay NaN.
constexpr auto kRelu = []<typename T>(T v) { return v < T(0) ? T(0) : v; };
constexpr auto kSoftplus = []<typename T>(T v) {
    return std::max(v, T(0)) + std::log1p(std::exp(-std::fabs(v)));
};
constexpr auto kSoftsign = []<typename T>(T v) { return v / (std::fabs(v) + T(1)); };
constexpr auto kHardSwish = []<typename T>(T v) {
    return v * std::min(std::max(v / T(6) + T(0.5), T(0)), T(1));
};
constexpr auto kErf = [](const auto &x) { return x.erf(); };
constexpr auto kSigmoid = [](const auto &x) {
    using T = ScalarOf<decltype(x)>;
    return T(1) / (T(1) + (-x).exp());
};

Result<Kernel> leakyRelu(NodeReader &reader) {
    reader.ignore({"consumed_inputs"});
    return elementKernel(FloatTypes{}, [alpha = reader.floatAttribute("alpha", 0.01)]<typename T>(T v) {
        return v < T(0) ? v * static_cast<T>(alpha) : v;
    });
}

/// scale · (x > 0 ? x : alpha · (exp(x / width) - 1)): Elu, Selu and Celu.
Kernel exponentialUnit(double scale, double alpha, double width) {
    return elementKernel(FloatTypes{}, [=]<typename T>(T v) {
        return static_cast<T>(scale) *
               (v > T(0) ? v : static_cast<T>(alpha) * std::expm1(v / static_cast<T>(width)));
    });
}

Result<Kernel> elu(NodeReader &reader) {
    reader.ignore({"consumed_inputs"});
    return exponentialUnit(1, reader.floatAttribute("alpha", 1), 1);
}

Result<Kernel> selu(NodeReader &reader) {
    reader.ignore({"consumed_inputs"});
    const bool old = reader.opset() < 6; // the defaults gained digits
    const double alpha = reader.floatAttribute("alpha", old ? 1.6732 : 1.67326319217681884765625);
    return exponentialUnit(reader.floatAttribute("gamma", old ? 1.0507 : 1.05070102214813232421875), alpha,
                           1);
}

Result<Kernel> celu(NodeReader &reader) {
    const double alpha = reader.floatAttribute("alpha", 1);
    if (alpha == 0)
        return fail(ErrorCode::Unsupported, "alpha is 0");
    return exponentialUnit(1, alpha, alpha);
}

Result<Kernel> hardSigmoid(NodeReader &reader) {
    reader.ignore({"consumed_inputs"});
    const double alpha = reader.floatAttribute("alpha", 0.2), beta = reader.floatAttribute("beta", 0.5);
    return elementKernel(FloatTypes{}, [=]<typename T>(T v) {
        return std::min(std::max(v * static_cast<T>(alpha) + static_cast<T>(beta), T(0)), T(1));
    });
}

Result<Kernel> thresholdedRelu(NodeReader &reader) {
    return elementKernel(FloatTypes{}, [alpha = reader.floatAttribute("alpha", 1)]<typename T>(T v) {
        return v <= static_cast<T>(alpha) ? T(0) : v;
    });
}

Result<Kernel> shrink(NodeReader &reader) {
    const double bias = reader.floatAttribute("bias", 0), lambda = reader.floatAttribute("lambd", 0.5);
    return elementKernel(FloatTypes{}, [=]<typename T>(T v) {
        return v < static_cast<T>(-lambda)  ? v + static_cast<T>(bias)
               : v > static_cast<T>(lambda) ? v - static_cast<T>(bias)
                                            : T(0);
    });
}

Result<Kernel> gelu(NodeReader &reader) {
    const std::string approximate = reader.stringAttribute("approximate", "none");
    if (approximate == "none")
        return arrayKernel(FloatTypes{}, [](const auto &x) {
            using T = ScalarOf<decltype(x)>;
            return T(0.5) * x * (T(1) + (x * T(0.70710678118654752440)).erf());
        });
    if (approximate != "tanh")
        return fail(ErrorCode::Unsupported, "approximate='" + approximate + "'");
    return arrayKernel(FloatTypes{}, [](const auto &x) {
        using T = ScalarOf<decltype(x)>;
        return T(0.5) * x * (T(1) + (T(0.79788456080286535588) * (x + T(0.044715) * x.cube())).tanh());
    });
}

Outputs clip(KernelCall &call, std::optional<double> low, std::optional<double> high) {
    QS_CHECK_OK(requireInputs(call, 1));
    for (std::size_t i = 1; i < 3; ++i)
        if (call.has(i) && (call[i].numel() != 1 || call[i].dtype() != call[0].dtype()))
            return fail(ErrorCode::InvalidArgument, "min and max must be scalars of the input's type");
    return dispatch(NumberTypes{}, call[0].dtype(), [&]<typename T>() {
        const T min = call.has(1) ? call[1].values<T>()[0]
                      : low       ? static_cast<T>(*low)
                                  : std::numeric_limits<T>::lowest();
        const T max = call.has(2) ? call[2].values<T>()[0]
                      : high      ? static_cast<T>(*high)
                                  : std::numeric_limits<T>::max();
        // min(max, max(min, x)) as ONNX defines it when min > max; NaN passes.
        return mapElements<T>(call, [=](T v) {
            const T raised = v < min ? min : v;
            return raised > max ? max : raised;
        });
    });
}

Result<Kernel> clipByAttributes(NodeReader &reader) {
    reader.ignore({"consumed_inputs"});
    std::optional<double> low, high;
    if (reader.hasAttribute("min"))
        low = reader.floatAttribute("min", 0);
    if (reader.hasAttribute("max"))
        high = reader.floatAttribute("max", 0);
    return widenHalfTypes([low, high](KernelCall &call) { return clip(call, low, high); });
}

Result<Kernel> clipByInputs(NodeReader &) {
    return widenHalfTypes([](KernelCall &call) { return clip(call, std::nullopt, std::nullopt); });
}

constexpr KernelEntry kEntries[] = {
    {"Relu", 1, elementUnary<SignedTypes, kRelu>},
    {"Erf", 9, arrayUnary<FloatTypes, kErf>},
    {"Sigmoid", 1, arrayUnary<FloatTypes, kSigmoid>},
    {"Softplus", 1, elementUnary<FloatTypes, kSoftplus>},
    {"Softsign", 1, elementUnary<FloatTypes, kSoftsign>},
    {"HardSwish", 14, elementUnary<FloatTypes, kHardSwish>},
    {"LeakyRelu", 1, leakyRelu},
    {"Elu", 1, elu},
    {"Selu", 1, selu},
    {"Celu", 12, celu},
    {"HardSigmoid", 1, hardSigmoid},
    {"ThresholdedRelu", 10, thresholdedRelu},
    {"Shrink", 9, shrink},
    {"Gelu", 20, gelu},
    {"Clip", 1, clipByAttributes},
    {"Clip", 11, clipByInputs},
};

} // namespace

KernelFamily activationKernels() {
    return kEntries;
}

} // namespace qs
