#include "core/exec/reference/copy.h"

#include "core/exec/reference/axes.h"
#include "core/exec/reference/broadcast.h"
#include "core/exec/reference/packed_codes.h"

#include <cstring>

namespace qs {
namespace {

/// Merges neighbouring axes along which the source continues with one stride.
BroadcastLoop<1> mergedLoop(const Shape &shape, const std::vector<std::int64_t> &strides) {
    BroadcastLoop<1> loop;
    loop.shape = shape;
    loop.dims.clear();
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
        const std::int64_t stride = strides[static_cast<std::size_t>(axis)];
        if (shape[axis] == 1)
            continue;
        if (!loop.dims.empty() && stride == loop.strides[0].back() * loop.dims.back())
            loop.dims.back() *= shape[axis];
        else {
            loop.dims.push_back(shape[axis]);
            loop.strides[0].push_back(stride);
        }
    }
    if (loop.dims.empty()) {
        loop.dims.push_back(1);
        loop.strides[0].push_back(1);
    }
    std::reverse(loop.dims.begin(), loop.dims.end());
    std::reverse(loop.strides[0].begin(), loop.strides[0].end());
    return loop;
}

template <typename T>
void copyRun(const T *src, std::int64_t stride, T *dst, std::int64_t count) {
    if (stride == 1)
        std::memcpy(dst, src, static_cast<std::size_t>(count) * sizeof(T));
    else if (stride == 0)
        std::fill_n(dst, count, *src);
    else
        for (std::int64_t i = 0; i < count; ++i)
            dst[i] = src[i * stride];
}

/// Moves elements that share bytes: `move` sees them one by one.
template <typename Move>
Result<Tensor> movePacked(const KernelCall &call, const Tensor &src, Move &&move) {
    QS_TRY(const Tensor bits, unpackBits(call, src));
    QS_TRY(const Tensor moved, move(bits));
    return packCodes(call, moved, src.dtype());
}

/// The same where `move` is a kernel's own work.
template <typename Move>
Outputs movePackedOutput(const KernelCall &call, const Tensor &src, Move &&move) {
    QS_TRY(Tensor packed, movePacked(call, src, [&](const Tensor &bits) -> Result<Tensor> {
               QS_TRY(auto moved, move(bits));
               return std::move(moved.front());
           }));
    return std::vector<Tensor>{std::move(packed)};
}

} // namespace

Outputs copyStrided(const KernelCall &call, const Tensor &src, std::int64_t offset, const Shape &shape,
                    const std::vector<std::int64_t> &strides) {
    if (isPackedType(src.dtype()))
        return movePackedOutput(
            call, src, [&](const Tensor &bits) { return copyStrided(call, bits, offset, shape, strides); });
    QS_TRY(Tensor result, call.allocate(src.dtype(), shape));
    const BroadcastLoop<1> loop = mergedLoop(shape, strides);
    return dispatchSize(src.dtype(), [&]<typename T>() -> Outputs {
        const T *from = reinterpret_cast<const T *>(src.bytes()) + offset;
        T *dst = reinterpret_cast<T *>(result.mutableBytes());
        QS_CHECK_OK(forEachRun(loop, call.ctx, [&](std::int64_t at, const auto &offsets, std::int64_t count) {
            copyRun(from + offsets[0], loop.innerStride(0), dst + at, count);
        }));
        return std::vector<Tensor>{std::move(result)};
    });
}

namespace {

/// Element offset of the source row that output row `row` comes from (all axes but the last), or -1.
std::int64_t mappedRow(std::int64_t row, const Shape &shape, const std::vector<std::int64_t> &strides,
                       const std::vector<std::vector<std::int64_t>> &maps) {
    std::int64_t offset = 0;
    for (int axis = shape.rank() - 2; axis >= 0; --axis) {
        const auto a = static_cast<std::size_t>(axis);
        const std::int64_t from = maps[a][static_cast<std::size_t>(row % shape[axis])];
        row /= shape[axis];
        if (from < 0)
            return -1;
        offset += from * strides[a];
    }
    return offset;
}

} // namespace

Outputs copyMapped(const KernelCall &call, const Tensor &src, const Shape &shape,
                   const std::vector<std::vector<std::int64_t>> &maps, const Tensor &fill) {
    if (shape.rank() == 0)
        return std::vector<Tensor>{src};
    if (isPackedType(src.dtype()))
        return movePackedOutput(call, src, [&](const Tensor &bits) -> Outputs {
            if (fill.empty())
                return copyMapped(call, bits, shape, maps, fill);
            QS_TRY(const Tensor fillBits, unpackBits(call, fill));
            return copyMapped(call, bits, shape, maps, fillBits);
        });
    QS_TRY(Tensor result, call.allocate(src.dtype(), shape));
    const std::vector<std::int64_t> strides = src.shape().strides();
    const std::vector<std::int64_t> &columns = maps.back();
    const auto width = static_cast<std::int64_t>(columns.size());
    const std::int64_t rows = width == 0 ? 0 : shape.numel() / width;
    return dispatchSize(src.dtype(), [&]<typename T>() -> Outputs {
        const T *from = reinterpret_cast<const T *>(src.bytes());
        const T value = fill.empty() ? T{} : *reinterpret_cast<const T *>(fill.bytes());
        T *dst = reinterpret_cast<T *>(result.mutableBytes());
        const std::int64_t grain = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, width));
        QS_CHECK_OK(parallelFor(rows, grain, call.ctx, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t row = begin; row < end; ++row) {
                const std::int64_t offset = mappedRow(row, shape, strides, maps);
                for (std::int64_t i = 0; i < width; ++i) {
                    const std::int64_t column = columns[static_cast<std::size_t>(i)];
                    dst[row * width + i] = offset < 0 || column < 0 ? value : from[offset + column];
                }
            }
        }));
        return std::vector<Tensor>{std::move(result)};
    });
}

Result<Tensor> copySlices(const KernelCall &call, const Tensor &src, int axis,
                          std::span<const std::int64_t> indices) {
    if (isPackedType(src.dtype()))
        return movePacked(call, src,
                          [&](const Tensor &bits) { return copySlices(call, bits, axis, indices); });
    QS_CHECK_OK(requireWholeBytes(src));
    Shape shape = src.shape();
    shape[axis] = static_cast<std::int64_t>(indices.size());
    QS_TRY(Tensor result, call.allocate(src.dtype(), shape));
    const AxisView view = AxisView::of(src.shape(), axis);
    const auto bytes = static_cast<std::size_t>(view.inner * dtypeBits(src.dtype()) / 8);
    std::byte *dst = result.mutableBytes();
    if (bytes == 0) // however many slices without elements there are
        return result;
    for (std::int64_t outer = 0; outer < view.outer; ++outer)
        for (const std::int64_t index : indices) {
            std::memcpy(dst, src.bytes() + static_cast<std::size_t>(outer * view.length + index) * bytes,
                        bytes);
            dst += bytes;
        }
    return result;
}

Status requireWholeBytes(const Tensor &tensor) {
    if (dtypeBits(tensor.dtype()) % 8 != 0)
        return fail(ErrorCode::Unsupported,
                    fmt::format("elements of type {} cannot be moved", dtypeName(tensor.dtype())));
    return {};
}

} // namespace qs
