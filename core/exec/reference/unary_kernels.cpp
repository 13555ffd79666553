#include "core/exec/reference/elementwise.h"
#include "core/exec/reference/exponential.h"
#include "core/exec/reference/families.h"

#include <cmath>

namespace qs {
namespace {

// Integers wrap around: the negative of the lowest one is itself.
template <typename T>
T negated(T v) {
    if constexpr (std::integral<T>)
        return static_cast<T>(0 - static_cast<std::uint64_t>(v));
    else
        return -v;
}

constexpr auto kNeg = []<typename T>(T v) { return negated(v); };
constexpr auto kAbs = []<typename T>(T v) {
    if constexpr (std::floating_point<T>)
        return std::fabs(v);
    else
        return v < T(0) ? negated(v) : v;
};
constexpr auto kSign = []<typename T>(T v) { return v != v ? v : static_cast<T>((v > T(0)) - (v < T(0))); };
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

Result<Kernel> exp(NodeReader &reader) {
    reader.ignore({"consumed_inputs"});
    return widenHalfTypes([](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        return dispatch(FloatTypes{}, call[0].dtype(), [&]<typename T>() {
            return mapBlocks<T>(call, [](const T *src, T *dst, std::int64_t count) {
                if (src != dst)
                    std::copy(src, src + count, dst);
                exponentials(dst, count);
            });
        });
    });
}

constexpr KernelEntry kEntries[] = {
    {"Abs", 1, elementUnary<NumberTypes, kAbs>},
    {"Neg", 1, elementUnary<SignedTypes, kNeg>},
    {"Sign", 9, elementUnary<NumberTypes, kSign>},
    {"Exp", 1, exp},
    {"Log", 1, arrayUnary<FloatTypes, kLog>},
    {"Sqrt", 1, arrayUnary<FloatTypes, kSqrt>},
    {"Reciprocal", 1, arrayUnary<FloatTypes, kReciprocal>},
    {"Floor", 1, arrayUnary<FloatTypes, kFloor>},
    {"Ceil", 1, arrayUnary<FloatTypes, kCeil>},
    {"Round", 11, arrayUnary<FloatTypes, kRound>},
    {"Sin", 7, arrayUnary<FloatTypes, kSin>},
    {"Cos", 7, arrayUnary<FloatTypes, kCos>},
    {"Tan", 7, arrayUnary<FloatTypes, kTan>},
    {"Asin", 7, arrayUnary<FloatTypes, kAsin>},
    {"Acos", 7, arrayUnary<FloatTypes, kAcos>},
    {"Atan", 7, arrayUnary<FloatTypes, kAtan>},
    {"Sinh", 9, arrayUnary<FloatTypes, kSinh>},
    {"Cosh", 9, arrayUnary<FloatTypes, kCosh>},
    {"Tanh", 1, arrayUnary<FloatTypes, kTanh>},
    {"Asinh", 9, arrayUnary<FloatTypes, kAsinh>},
    {"Acosh", 9, arrayUnary<FloatTypes, kAcosh>},
    {"Atanh", 9, arrayUnary<FloatTypes, kAtanh>},
};

} // namespace

KernelFamily unaryKernels() {
    return kEntries;
}

} // namespace qs
