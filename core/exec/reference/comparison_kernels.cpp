#include "core/exec/reference/binary_elementwise.h"
#include "core/exec/reference/elementwise.h"
#include "core/exec/reference/families.h"

#include <cmath>

namespace qs {
namespace {

using ComparedTypes = Types<float, double, std::int8_t, std::int16_t, std::int32_t, std::int64_t,
                            std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, bool>;

constexpr auto kEqual = [](auto a, auto b) { return a == b; };
constexpr auto kGreater = [](auto a, auto b) { return a > b; };
constexpr auto kGreaterOrEqual = [](auto a, auto b) { return a >= b; };
constexpr auto kLess = [](auto a, auto b) { return a < b; };
constexpr auto kLessOrEqual = [](auto a, auto b) { return a <= b; };
constexpr auto kAnd = [](bool a, bool b) { return a && b; };
constexpr auto kOr = [](bool a, bool b) { return a || b; };
constexpr auto kXor = [](bool a, bool b) { return a != b; };

template <typename TypeList, auto Fn>
Result<Kernel> comparison(NodeReader &reader) {
    return widenHalfTypes([legacy = LegacyBroadcast::read(reader)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireSameType(call, 2));
        QS_CHECK_OK(legacy.apply(call));
        return dispatch(TypeList{}, call[0].dtype(),
                        [&]<typename T>() { return broadcastBinary<T, bool>(call, Fn); });
    });
}

/// Tests every element of a tensor; fn gives bool.
template <typename T, typename Fn>
Outputs testElements(KernelCall &call, const Fn &fn) {
    QS_TRY(Tensor result, call.allocate(DType::Bool, call[0].shape()));
    const std::span<const T> src = call[0].values<T>();
    std::transform(src.begin(), src.end(), reinterpret_cast<bool *>(result.mutableBytes()), fn);
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> logicalNot(NodeReader &) {
    return Kernel([](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        return dispatch(Types<bool>{}, call[0].dtype(),
                        [&]<typename T>() { return testElements<T>(call, [](bool v) { return !v; }); });
    });
}

Result<Kernel> isNan(NodeReader &) {
    return widenHalfTypes([](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        return dispatch(FloatTypes{}, call[0].dtype(), [&]<typename T>() {
            return testElements<T>(call, [](T v) { return std::isnan(v); });
        });
    });
}

Result<Kernel> isInf(NodeReader &reader) {
    const bool positive = reader.flag("detect_positive", true),
               negative = reader.flag("detect_negative", true);
    return widenHalfTypes([=](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        return dispatch(FloatTypes{}, call[0].dtype(), [&]<typename T>() {
            return testElements<T>(call, [=](T v) { return std::isinf(v) && (v > 0 ? positive : negative); });
        });
    });
}

template <typename T>
Outputs selectElements(KernelCall &call) {
    QS_TRY(const auto loop, planBroadcast<3>({&call[0].shape(), &call[1].shape(), &call[2].shape()}));
    QS_TRY(Tensor result, call.allocate(call[1].dtype(), loop.shape));
    const auto *condition = reinterpret_cast<const std::uint8_t *>(call[0].bytes());
    const T *a = reinterpret_cast<const T *>(call[1].bytes()),
            *b = reinterpret_cast<const T *>(call[2].bytes());
    T *dst = reinterpret_cast<T *>(result.mutableBytes());
    const std::int64_t sc = loop.innerStride(0), sa = loop.innerStride(1), sb = loop.innerStride(2);
    QS_CHECK_OK(forEachRun(loop, call.ctx, [&](std::int64_t at, const auto &offsets, std::int64_t count) {
        for (std::int64_t i = 0; i < count; ++i)
            dst[at + i] = condition[offsets[0] + i * sc] ? a[offsets[1] + i * sa] : b[offsets[2] + i * sb];
    }));
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> where(NodeReader &) {
    return Kernel([](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 3));
        if (call[0].dtype() != DType::Bool || call[1].dtype() != call[2].dtype())
            return fail(ErrorCode::InvalidArgument, "needs a bool condition and two operands of one type");
        return dispatchSize(call[1].dtype(), [&]<typename T>() { return selectElements<T>(call); });
    });
}

constexpr KernelEntry kEntries[] = {
    {"Equal", 1, comparison<ComparedTypes, kEqual>},
    {"Greater", 1, comparison<NumberTypes, kGreater>},
    {"GreaterOrEqual", 12, comparison<NumberTypes, kGreaterOrEqual>},
    {"Less", 1, comparison<NumberTypes, kLess>},
    {"LessOrEqual", 12, comparison<NumberTypes, kLessOrEqual>},
    {"And", 1, comparison<Types<bool>, kAnd>},
    {"Or", 1, comparison<Types<bool>, kOr>},
    {"Xor", 1, comparison<Types<bool>, kXor>},
    {"Not", 1, logicalNot},
    {"IsNaN", 9, isNan},
    {"IsInf", 10, isInf},
    {"Where", 9, where},
};

} // namespace

KernelFamily comparisonKernels() {
    return kEntries;
}

} // namespace qs
