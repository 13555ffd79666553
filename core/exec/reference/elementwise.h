#pragma once

#include "core/base/parallel.h"
#include "core/exec/reference/dispatch.h"

#include <Eigen/Core>

namespace qs {

template <typename T>
using ConstArray = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;
template <typename T>
using MutableArray = Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>;

/// Writes blocks of a result like the first operand, over it where possible: fill(src, dst, count).
template <typename T, typename Fill>
Outputs mapBlocks(KernelCall &call, const Fill &fill) {
    constexpr std::int64_t kGrain = 16384;
    const T *src = call[0].template values<T>().data();
    QS_TRY(Tensor result, call.allocateOver(0));
    T *dst = result.mutableValues<T>().data();
    QS_CHECK_OK(parallelFor(result.numel(), kGrain, call.ctx, [&](std::int64_t begin, std::int64_t end) {
        fill(src + begin, dst + begin, end - begin);
    }));
    return std::vector<Tensor>{std::move(result)};
}

/// Applies fn(element) → element.
template <typename T, typename Fn>
Outputs mapElements(KernelCall &call, const Fn &fn) {
    return mapBlocks<T>(call, [&fn](const T *src, T *dst, std::int64_t count) {
#pragma GCC ivdep // dst is src or apart from it
        for (std::int64_t i = 0; i < count; ++i)
            dst[i] = fn(src[i]);
    });
}

/// Applies fn(Eigen array) → Eigen expression: for functions that Eigen has in vector form.
template <typename T, typename Fn>
Outputs mapArray(KernelCall &call, const Fn &fn) {
    return mapBlocks<T>(call, [&fn](const T *src, T *dst, std::int64_t count) {
        MutableArray<T>(dst, count) = fn(ConstArray<T>(src, count));
    });
}

template <typename TypeList, typename Fn>
Kernel elementKernel(TypeList types, Fn fn) {
    return widenHalfTypes([types, fn](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        return dispatch(types, call[0].dtype(), [&]<typename T>() { return mapElements<T>(call, fn); });
    });
}

template <typename TypeList, typename Fn>
Kernel arrayKernel(TypeList types, Fn fn) {
    return widenHalfTypes([types, fn](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        return dispatch(types, call[0].dtype(), [&]<typename T>() { return mapArray<T>(call, fn); });
    });
}

/// Factories of operators without attributes; Fn is a captureless lambda.
template <typename TypeList, auto Fn>
Result<Kernel> elementUnary(NodeReader &reader) {
    reader.ignore({"consumed_inputs"}); // a hint of opset 1
    return elementKernel(TypeList{}, Fn);
}
template <typename TypeList, auto Fn>
Result<Kernel> arrayUnary(NodeReader &reader) {
    reader.ignore({"consumed_inputs"});
    return arrayKernel(TypeList{}, Fn);
}

} // namespace qs
