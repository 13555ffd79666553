#include "core/exec/reference/elementwise.h"
#include "core/exec/reference/families.h"

namespace qs {
namespace {

template <typename Array>
auto negated(const Array &x) {
    using T = typename Array::Scalar;
    // Integers wrap around: the negative of the lowest one is itself.
    if constexpr (std::integral<T>)
        return x.unaryExpr([](T v) { return static_cast<T>(0u - static_cast<std::make_unsigned_t<T>>(v)); });
    else
        return -x;
}

template <typename Array>
auto magnitude(const Array &x) {
    using T = typename Array::Scalar;
    if constexpr (std::signed_integral<T>)
        return x.unaryExpr(
            [](T v) { return v < 0 ? static_cast<T>(0u - static_cast<std::make_unsigned_t<T>>(v)) : v; });
    else if constexpr (std::unsigned_integral<T>)
        return x;
    else
        return x.abs();
}

template <typename Array>
auto signOf(const Array &x) {
    using T = typename Array::Scalar;
    return x.unaryExpr([](T v) { return v != v ? v : static_cast<T>((v > T(0)) - (v < T(0))); });
}

constexpr auto kAbs = [](const auto &x) { return magnitude(x); };
constexpr auto kNeg = [](const auto &x) { return negated(x); };
constexpr auto kSign = [](const auto &x) { return signOf(x); };
constexpr auto kExp = [](const auto &x) { return x.exp(); };
constexpr auto kLog = [](const auto &x) { return x.log(); };
constexpr auto kSqrt = [](const auto &x) { return x.sqrt(); };
constexpr auto kReciprocal = [](const auto &x) { return x.inverse(); };
constexpr auto kFloor = [](const auto &x) { return x.floor(); };
constexpr auto kCeil = [](const auto &x) { return x.ceil(); };
constexpr auto kRound = [](const auto &x) { return x.rint(); }; // half to even, as ONNX says
constexpr auto kSin = [](const auto &x) { return x.sin(); };
constexpr auto kCos = [](const auto &x) { return x.cos(); };
constexpr auto kTan = [](const auto &x) { return x.tan(); };
constexpr auto kAsin = [](const auto &x) { return x.asin(); };
constexpr auto kAcos = [](const auto &x) { return x.acos(); };
constexpr auto kAtan = [](const auto &x) { return x.atan(); };
constexpr auto kSinh = [](const auto &x) { return x.sinh(); };
constexpr auto kCosh = [](const auto &x) { return x.cosh(); };
constexpr auto kTanh = [](const auto &x) { return x.tanh(); };
constexpr auto kAsinh = [](const auto &x) { return x.asinh(); };
constexpr auto kAcosh = [](const auto &x) { return x.acosh(); };
constexpr auto kAtanh = [](const auto &x) { return x.atanh(); };

constexpr KernelEntry kEntries[] = {
    {"Abs", 1, plainUnary<NumberTypes, kAbs>},
    {"Neg", 1, plainUnary<SignedTypes, kNeg>},
    {"Sign", 9, plainUnary<NumberTypes, kSign>},
    {"Exp", 1, plainUnary<FloatTypes, kExp>},
    {"Log", 1, plainUnary<FloatTypes, kLog>},
    {"Sqrt", 1, plainUnary<FloatTypes, kSqrt>},
    {"Reciprocal", 1, plainUnary<FloatTypes, kReciprocal>},
    {"Floor", 1, plainUnary<FloatTypes, kFloor>},
    {"Ceil", 1, plainUnary<FloatTypes, kCeil>},
    {"Round", 11, plainUnary<FloatTypes, kRound>},
    {"Sin", 7, plainUnary<FloatTypes, kSin>},
    {"Cos", 7, plainUnary<FloatTypes, kCos>},
    {"Tan", 7, plainUnary<FloatTypes, kTan>},
    {"Asin", 7, plainUnary<FloatTypes, kAsin>},
    {"Acos", 7, plainUnary<FloatTypes, kAcos>},
    {"Atan", 7, plainUnary<FloatTypes, kAtan>},
    {"Sinh", 9, plainUnary<FloatTypes, kSinh>},
    {"Cosh", 9, plainUnary<FloatTypes, kCosh>},
    {"Tanh", 1, plainUnary<FloatTypes, kTanh>},
    {"Asinh", 9, plainUnary<FloatTypes, kAsinh>},
    {"Acosh", 9, plainUnary<FloatTypes, kAcosh>},
    {"Atanh", 9, plainUnary<FloatTypes, kAtanh>},
};

} // namespace

KernelFamily unaryKernels() {
    return kEntries;
}

} // namespace qs
