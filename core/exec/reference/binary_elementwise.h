#pragma once

#include "core/exec/reference/broadcast.h"
#include "core/exec/reference/dispatch.h"

namespace qs {

/// dst[i] = fn(a[i], b[i]) for strides 0 or 1; the three cases are loops that the compiler vectorises.
template <typename T, typename Out, typename Fn>
void binaryRun(const T *a, std::int64_t strideA, const T *b, std::int64_t strideB, Out *dst,
               std::int64_t count, const Fn &fn) {
    // ivdep: dst is one of the operands or apart from both.
    if (strideA != 0 && strideB != 0) {
#pragma GCC ivdep
        for (std::int64_t i = 0; i < count; ++i)
            dst[i] = fn(a[i], b[i]);
    } else if (strideA != 0) {
        const T right = *b;
#pragma GCC ivdep
        for (std::int64_t i = 0; i < count; ++i)
            dst[i] = fn(a[i], right);
    } else if (strideB != 0) {
        const T left = *a;
#pragma GCC ivdep
        for (std::int64_t i = 0; i < count; ++i)
            dst[i] = fn(left, b[i]);
    } else {
        std::fill_n(dst, count, fn(*a, *b));
    }
}

/// Operands `first` and `first + 1` combined under broadcasting; Out is T or bool.
template <typename T, typename Out, typename Fn>
Outputs broadcastBinary(KernelCall &call, const Fn &fn) {
    QS_TRY(const auto loop, planBroadcast<2>({&call[0].shape(), &call[1].shape()}));
    const T *a = reinterpret_cast<const T *>(call[0].bytes());
    const T *b = reinterpret_cast<const T *>(call[1].bytes());
    const bool over = std::same_as<T, Out> && call[0].shape() == loop.shape;
    const bool overOther = std::same_as<T, Out> && !over && call[1].shape() == loop.shape;
    QS_TRY(Tensor result, over        ? call.allocateOver(0)
                          : overOther ? call.allocateOver(1)
                                      : call.allocate(dtypeOf<Out>(), loop.shape));
    Out *dst = reinterpret_cast<Out *>(result.mutableBytes());
    QS_CHECK_OK(forEachRun(loop, call.ctx, [&](std::int64_t at, const auto &offsets, std::int64_t count) {
        binaryRun(a + offsets[0], loop.innerStride(0), b + offsets[1], loop.innerStride(1), dst + at, count,
                  fn);
    }));
    return std::vector<Tensor>{std::move(result)};
}

/// Until opset 6 shapes were equal unless `broadcast` said that the second operand is laid along the axes of
/// the first from `axis` on (default: the last ones). Afterwards numpy's rule holds.
struct LegacyBroadcast {
    bool active = false;
    bool broadcast = false;
    std::optional<std::int64_t> axis;

    static LegacyBroadcast read(NodeReader &reader);
    /// Gives the second operand the shape that numpy's rule needs.
    Status apply(KernelCall &call) const;
};

} // namespace qs
