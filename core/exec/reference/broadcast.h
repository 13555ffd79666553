#pragma once

#include "core/base/parallel.h"
#include "core/tensor/shape.h"

#include <array>

namespace qs {

/// How N operands are walked under numpy's broadcasting rule. Neighbouring dimensions that all operands walk
/// alike are merged, so along the innermost one every operand has stride 1 or 0.
template <std::size_t N>
struct BroadcastLoop {
    Shape shape;                       ///< of the result
    std::vector<std::int64_t> dims{1}; ///< merged, outermost first
    std::array<std::vector<std::int64_t>, N> strides;

    std::int64_t innerStride(std::size_t operand) const { return strides[operand].back(); }
};

namespace detail {
Result<Shape> broadcastAll(const Shape *const *shapes, std::size_t count);
/// Fills dims and strides. `strides` has `count` entries.
void mergeDimensions(const Shape &result, const Shape *const *shapes, std::size_t count,
                     std::vector<std::int64_t> &dims, std::vector<std::int64_t> *strides);
} // namespace detail

/// \error InvalidArgument  the shapes do not fit; names them
template <std::size_t N>
Result<BroadcastLoop<N>> planBroadcast(const std::array<const Shape *, N> &shapes) {
    BroadcastLoop<N> loop;
    QS_TRY(loop.shape, detail::broadcastAll(shapes.data(), N));
    detail::mergeDimensions(loop.shape, shapes.data(), N, loop.dims, loop.strides.data());
    return loop;
}

/// Calls body(at, offsets, count) for runs of the innermost dimension: result elements [at, at + count),
/// operand k starting at element offsets[k] and advancing by loop.innerStride(k). Runs are cut alike on any
/// thread count.
template <std::size_t N, typename Body>
Status forEachRun(const BroadcastLoop<N> &loop, const RunContext &ctx, Body &&body) {
    constexpr std::int64_t kGrain = 32768;
    const std::size_t inner = loop.dims.size() - 1;
    return parallelFor(loop.shape.numel(), kGrain, ctx, [&](std::int64_t begin, std::int64_t end) {
        std::vector<std::int64_t> index(loop.dims.size());
        std::array<std::int64_t, N> offsets{};
        for (std::int64_t rest = begin, axis = static_cast<std::int64_t>(inner); axis >= 0; --axis) {
            const auto a = static_cast<std::size_t>(axis);
            index[a] = rest % loop.dims[a];
            rest /= loop.dims[a];
            for (std::size_t k = 0; k < N; ++k)
                offsets[k] += index[a] * loop.strides[k][a];
        }
        for (std::int64_t at = begin; at < end;) {
            const std::int64_t count = std::min(loop.dims[inner] - index[inner], end - at);
            body(at, offsets, count);
            at += count;
            for (std::size_t k = 0; k < N; ++k)
                offsets[k] -= index[inner] * loop.strides[k][inner];
            index[inner] = 0;
            for (std::size_t axis = inner; axis-- > 0;) {
                for (std::size_t k = 0; k < N; ++k)
                    offsets[k] += loop.strides[k][axis];
                if (++index[axis] < loop.dims[axis])
                    break;
                for (std::size_t k = 0; k < N; ++k)
                    offsets[k] -= loop.dims[axis] * loop.strides[k][axis];
                index[axis] = 0;
            }
        }
    });
}

} // namespace qs
