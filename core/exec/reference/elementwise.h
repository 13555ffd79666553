#pragma once

#include "core/base/parallel.h"
#include "core/exec/reference/dispatch.h"

#include <Eigen/Core>

namespace qs {

template <typename T>
using ConstArray = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;
template <typename T>
using MutableArray = Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>;

/// Applies fn to blocks of the first operand, each seen as an Eigen array; writes over it where possible.
template <typename T, typename Fn>
Outputs mapArray(KernelCall &call, const Fn &fn) {
    constexpr std::int64_t kGrain = 16384;
    const T *src = call[0].template values<T>().data();
    QS_TRY(Tensor result, call.allocateOver(0));
    T *dst = result.mutableValues<T>().data();
    QS_CHECK_OK(parallelFor(result.numel(), kGrain, call.ctx, [&](std::int64_t begin, std::int64_t end) {
        MutableArray<T>(dst + begin, end - begin) = fn(ConstArray<T>(src + begin, end - begin));
    }));
    return std::vector<Tensor>{std::move(result)};
}

/// A kernel that applies fn(Eigen array) → Eigen expression elementwise to any of the types.
template <typename TypeList, typename Fn>
Kernel arrayKernel(TypeList types, Fn fn) {
    return widenHalfTypes([types, fn](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        return dispatch(types, call[0].dtype(), [&]<typename T>() { return mapArray<T>(call, fn); });
    });
}

/// Factory of an operator without attributes; fn is a captureless lambda.
template <typename TypeList, auto Fn>
Result<Kernel> plainUnary(NodeReader &reader) {
    reader.ignore({"consumed_inputs"}); // a hint of opset 1
    return arrayKernel(TypeList{}, Fn);
}

} // namespace qs
