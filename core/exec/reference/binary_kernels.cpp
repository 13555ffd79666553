#include "core/exec/reference/binary_elementwise.h"
#include "core/exec/reference/families.h"

#include "core/tensor/convert.h"

#include <cmath>

namespace qs {

LegacyBroadcast LegacyBroadcast::read(NodeReader &reader) {
    LegacyBroadcast rule;
    if (reader.opset() >= 7)
        return rule;
    reader.ignore({"consumed_inputs"});
    rule.active = true;
    rule.broadcast = reader.flag("broadcast", false);
    if (reader.hasAttribute("axis"))
        rule.axis = reader.intAttribute("axis", 0);
    return rule;
}

Status LegacyBroadcast::apply(KernelCall &call) const {
    if (!active)
        return {};
    const Shape &a = call[0].shape(), &b = call[1].shape();
    if (!broadcast && a != b)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("shapes {} and {} differ and broadcast is not set", a.text(), b.text()));
    if (!broadcast || !axis)
        return {};
    QS_TRY(const int start, normalizeAxis(*axis, a.rank()));
    if (start + b.rank() > a.rank())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("shape {} does not fit into {} from axis {} on", b.text(), a.text(), start));
    std::vector<std::int64_t> dims = b.dims();
    dims.resize(static_cast<std::size_t>(a.rank() - start), 1);
    call.inputs[1] = call[1].reshaped(Shape(std::move(dims)));
    return {};
}

namespace {

constexpr auto kAdd = []<typename T>(T a, T b) { return wrappingAdd(a, b); };
constexpr auto kSub = []<typename T>(T a, T b) {
    if constexpr (std::integral<T>)
        return static_cast<T>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
    else
        return a - b;
};
constexpr auto kMul = []<typename T>(T a, T b) { return wrappingMultiply(a, b); };

/// Integers truncate; division by zero gives 0 as numpy does, and -1 negates so that the lowest one cannot
/// trap.
constexpr auto kDiv = []<typename T>(T a, T b) {
    if constexpr (std::integral<T>) {
        if (b == 0)
            return T(0);
        if constexpr (std::signed_integral<T>)
            if (b == T(-1))
                return static_cast<T>(0 - static_cast<std::uint64_t>(a));
    }
    return static_cast<T>(a / b);
};

/// Result with the sign of the divisor (Python's %).
constexpr auto kMod = []<typename T>(T a, T b) {
    if constexpr (std::floating_point<T>) {
        const T rest = std::fmod(a, b);
        return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    } else {
        if (b == 0)
            return T(0);
        if constexpr (std::signed_integral<T>) {
            if (b == T(-1))
                return T(0);
            const auto rest = static_cast<T>(a % b);
            return static_cast<T>(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest);
        } else
            return static_cast<T>(a % b);
    }
};

/// Result with the sign of the dividend (C's fmod).
constexpr auto kFmod = []<typename T>(T a, T b) {
    if constexpr (std::floating_point<T>)
        return std::fmod(a, b);
    else {
        if (b == 0)
            return T(0);
        if constexpr (std::signed_integral<T>)
            if (b == T(-1))
                return T(0);
        return static_cast<T>(a % b);
    }
};

// NaN in either operand gives NaN, as numpy's maximum does.
constexpr auto kMax = []<typename T>(T a, T b) { return a > b || a != a ? a : b; };
constexpr auto kMin = []<typename T>(T a, T b) { return a < b || a != a ? a : b; };
constexpr auto kSlope = []<typename T>(T x, T slope) { return x < T(0) ? wrappingMultiply(x, slope) : x; };

template <typename TypeList, typename Fn>
Outputs combine(KernelCall &call, TypeList types, const Fn &fn) {
    return dispatch(types, call[0].dtype(), [&]<typename T>() { return broadcastBinary<T, T>(call, fn); });
}

template <typename TypeList, auto Fn>
Result<Kernel> binary(NodeReader &reader) {
    return widenHalfTypes([legacy = LegacyBroadcast::read(reader)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireSameType(call, 2));
        QS_CHECK_OK(legacy.apply(call));
        return combine(call, TypeList{}, Fn);
    });
}

/// Until opset 6 the slope is one number or one per channel.
Result<Kernel> channelSlope(NodeReader &reader) {
    reader.ignore({"consumed_inputs"});
    return widenHalfTypes([](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireSameType(call, 2));
        const Shape &x = call[0].shape();
        const std::int64_t slopes = call[1].numel();
        if (slopes != 1 && (x.rank() < 2 || call[1].shape() != Shape{x[1]}))
            return fail(ErrorCode::InvalidArgument, fmt::format("slopes of shape {} for x of shape {}",
                                                                call[1].shape().text(), x.text()));
        Shape shape(std::vector<std::int64_t>(static_cast<std::size_t>(x.rank()), 1));
        if (slopes != 1)
            shape[1] = slopes;
        call.inputs[1] = call[1].reshaped(shape);
        return combine(call, SignedTypes{}, kSlope);
    });
}

/// Max, Min, Sum, Mean: folds any number of operands from the left.
template <typename TypeList, auto Fn>
Outputs foldOperands(KernelCall &call) {
    QS_CHECK_OK(requireSameType(call, std::max<std::size_t>(1, call.inputs.size())));
    Tensor sum = call[0];
    for (std::size_t i = 1; i < call.inputs.size(); ++i) {
        Tensor pair[] = {std::move(sum), call[i]};
        KernelCall step{pair, call.ctx, call.pool, call.limitBytes};
        QS_TRY(auto outputs, combine(step, TypeList{}, Fn));
        sum = std::move(outputs[0]);
    }
    return std::vector<Tensor>{std::move(sum)};
}

template <typename TypeList, auto Fn>
Result<Kernel> variadic(NodeReader &reader) {
    reader.ignore({"consumed_inputs"});
    return widenHalfTypes(foldOperands<TypeList, Fn>);
}

Result<Kernel> mean(NodeReader &reader) {
    reader.ignore({"consumed_inputs"});
    return widenHalfTypes([](KernelCall &call) -> Outputs {
        QS_TRY(auto outputs, (foldOperands<FloatTypes, kAdd>(call)));
        const auto count = static_cast<double>(call.inputs.size());
        Tensor pair[] = {std::move(outputs[0]), Tensor{}};
        QS_TRY(pair[1], castTensor(Tensor::scalar(count), pair[0].dtype()));
        KernelCall step{pair, call.ctx, call.pool, call.limitBytes};
        return combine(step, FloatTypes{}, kDiv);
    });
}

Result<Kernel> mod(NodeReader &reader) {
    const bool fmod = reader.flag("fmod", false);
    return widenHalfTypes([fmod](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireSameType(call, 2));
        return fmod ? combine(call, NumberTypes{}, kFmod) : combine(call, NumberTypes{}, kMod);
    });
}

constexpr auto kIntegerPower = [](std::int64_t base, std::int64_t exponent) {
    if (exponent < 0)
        return base == 1 ? std::int64_t{1} : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0;
    std::uint64_t result = 1;
    for (auto square = static_cast<std::uint64_t>(base); exponent != 0; exponent /= 2, square *= square)
        if (exponent % 2 != 0)
            result *= square;
    return static_cast<std::int64_t>(result);
};

/// Base to an exponent of possibly another type; the result has the base's type. Integers are exact, all else
/// but float32 goes through double.
Result<Kernel> power(NodeReader &reader) {
    return widenHalfTypes([legacy = LegacyBroadcast::read(reader)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        QS_CHECK_OK(legacy.apply(call));
        const DType type = call[0].dtype();
        const bool isFloat = type == DType::Float32 || type == DType::Float64;
        if (isFloat && call[1].numel() == 1) {
            QS_TRY(const Tensor exponent, castTensor(call[1], DType::Float64));
            if (exponent.values<double>()[0] == 2 && call[1].shape().rank() <= call[0].shape().rank()) {
                call.inputs[1] = call[0]; // x² is what norms compute; it must not cost a pow()
                return combine(call, FloatTypes{}, kMul);
            }
        }
        const bool integers = !isFloat && !isFloatingPoint(call[1].dtype());
        const DType common = type == DType::Float32 ? type : integers ? DType::Int64 : DType::Float64;
        QS_TRY(call.inputs[0], castTensor(call[0], common));
        QS_TRY(call.inputs[1], castTensor(call[1], common));
        if (integers) {
            QS_TRY(auto powers, combine(call, Types<std::int64_t>{}, kIntegerPower));
            QS_TRY(powers[0], castTensor(powers[0], type));
            return powers;
        }
        QS_TRY(auto outputs, combine(call, FloatTypes{}, []<typename T>(T base, T exponent) {
                   return std::pow(base, exponent);
               }));
        QS_TRY(outputs[0], castTensor(outputs[0], type));
        return outputs;
    });
}

constexpr KernelEntry kEntries[] = {
    {"Add", 1, binary<NumberTypes, kAdd>},
    {"Sub", 1, binary<NumberTypes, kSub>},
    {"Mul", 1, binary<NumberTypes, kMul>},
    {"Div", 1, binary<NumberTypes, kDiv>},
    {"PRelu", 1, channelSlope},
    {"PRelu", 7, binary<SignedTypes, kSlope>},
    {"Mod", 10, mod},
    {"Pow", 1, power},
    {"Max", 1, variadic<NumberTypes, kMax>},
    {"Min", 1, variadic<NumberTypes, kMin>},
    {"Sum", 1, variadic<FloatTypes, kAdd>},
    {"Mean", 1, mean},
};

} // namespace

KernelFamily binaryKernels() {
    return kEntries;
}

} // namespace qs
