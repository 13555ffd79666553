#include "core/exec/reference/axes.h"
#include "core/exec/reference/copy.h"
#include "core/exec/reference/families.h"

#include "core/tensor/convert.h"

#include <cstring>
#include <numeric>

namespace qs {
namespace {

/// Indices as int64 in [0, length), negative ones counted from the end.
Result<std::vector<std::int64_t>> normalizedIndices(const Tensor &indices, std::int64_t length) {
    QS_TRY(auto values, toInt64Vector(indices));
    for (std::int64_t &value : values) {
        if (value < -length || value >= length)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("index {} is outside the {} elements of the axis", value, length));
        value += value < 0 ? length : 0;
    }
    return values;
}

Result<Kernel> gather(NodeReader &reader) {
    return Kernel([axisGiven = reader.intAttribute("axis", 0)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        QS_CHECK_OK(requireWholeBytes(call[0]));
        const Shape &src = call[0].shape();
        QS_TRY(const int axis, normalizeAxis(axisGiven, src.rank()));
        QS_TRY(const auto indices, normalizedIndices(call[1], src[axis]));
        std::vector<std::int64_t> dims(src.begin(), src.begin() + axis);
        dims.insert(dims.end(), call[1].shape().begin(), call[1].shape().end());
        dims.insert(dims.end(), src.begin() + axis + 1, src.end());
        QS_TRY(Tensor result, call.allocate(call[0].dtype(), Shape(std::move(dims))));
        const auto view = AxisView::of(src, axis);
        const auto bytes = static_cast<std::size_t>(view.inner * dtypeBits(call[0].dtype()) / 8);
        std::byte *dst = result.mutableBytes();
        for (std::int64_t row = 0; row < view.outer; ++row)
            for (const std::int64_t index : indices) {
                std::memcpy(dst,
                            call[0].bytes() + static_cast<std::size_t>(row * view.length + index) * bytes,
                            bytes);
                dst += bytes;
            }
        return std::vector<Tensor>{std::move(result)};
    });
}

/// Offsets of the elements that an index tensor of GatherElements or ScatterElements names: its own
/// coordinates, the one along the axis replaced by the index.
Result<std::vector<std::int64_t>> elementOffsets(const Shape &data, const Tensor &indices, int axis) {
    const Shape &shape = indices.shape();
    if (shape.rank() != data.rank())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("indices of shape {} for data of shape {}", shape.text(), data.text()));
    for (int a = 0; a < data.rank(); ++a)
        if (a != axis && shape[a] > data[a])
            return fail(ErrorCode::InvalidArgument, fmt::format("indices of shape {} exceed data of shape {}",
                                                                shape.text(), data.text()));
    QS_TRY(auto offsets, normalizedIndices(indices, data[axis]));
    const std::vector<std::int64_t> strides = data.strides();
    for (std::size_t i = 0; i < offsets.size(); ++i) {
        std::int64_t offset = offsets[i] * strides[static_cast<std::size_t>(axis)];
        auto rest = static_cast<std::int64_t>(i);
        for (int a = data.rank() - 1; a >= 0; --a) {
            if (a != axis)
                offset += rest % shape[a] * strides[static_cast<std::size_t>(a)];
            rest /= shape[a];
        }
        offsets[i] = offset;
    }
    return offsets;
}

Result<Kernel> gatherElements(NodeReader &reader) {
    return Kernel([axisGiven = reader.intAttribute("axis", 0)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        QS_TRY(const int axis, normalizeAxis(axisGiven, call[0].shape().rank()));
        QS_TRY(const auto offsets, elementOffsets(call[0].shape(), call[1], axis));
        QS_TRY(Tensor result, call.allocate(call[0].dtype(), call[1].shape()));
        return dispatchSize(call[0].dtype(), [&]<typename T>() -> Outputs {
            const T *src = reinterpret_cast<const T *>(call[0].bytes());
            T *dst = reinterpret_cast<T *>(result.mutableBytes());
            for (std::size_t i = 0; i < offsets.size(); ++i)
                dst[i] = src[offsets[i]];
            return std::vector<Tensor>{std::move(result)};
        });
    });
}

/// A copy of an operand to write into.
Result<Tensor> copyOf(const KernelCall &call, const Tensor &src) {
    QS_TRY(Tensor result, call.allocate(src.dtype(), src.shape()));
    std::memcpy(result.mutableBytes(), src.bytes(), src.sizeBytes());
    return result;
}

Result<Kernel> scatterElements(NodeReader &reader) {
    if (reader.stringAttribute("reduction", "none") != "none")
        return fail(ErrorCode::Unsupported, "a reduction");
    return Kernel([axisGiven = reader.intAttribute("axis", 0)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 3));
        if (call[2].shape() != call[1].shape() || call[2].dtype() != call[0].dtype())
            return fail(ErrorCode::InvalidArgument,
                        "updates must have the shape of indices and the type of data");
        QS_TRY(const int axis, normalizeAxis(axisGiven, call[0].shape().rank()));
        QS_TRY(const auto offsets, elementOffsets(call[0].shape(), call[1], axis));
        QS_TRY(Tensor result, copyOf(call, call[0]));
        return dispatchSize(call[0].dtype(), [&]<typename T>() -> Outputs {
            const T *src = reinterpret_cast<const T *>(call[2].bytes());
            T *dst = reinterpret_cast<T *>(result.mutableBytes());
            for (std::size_t i = 0; i < offsets.size(); ++i)
                dst[offsets[i]] = src[i];
            return std::vector<Tensor>{std::move(result)};
        });
    });
}

/// Where the slices that index tuples name begin.
struct TupleSlices {
    std::vector<std::int64_t> offsets; ///< elements
    std::int64_t length = 1;           ///< elements of one slice
    Shape shape;                       ///< of all slices together
};

/// The last axis of `indices` holds coordinates of leading axes of `data`, after `batch` shared axes.
Result<TupleSlices> tupleSlices(const Shape &data, const Tensor &indices, int batch) {
    const Shape &shape = indices.shape();
    const int tuples = shape.rank() - 1;
    if (tuples < batch || batch < 0 || batch >= data.rank() || shape[tuples] < 0 ||
        shape[tuples] > data.rank() - batch)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("indices of shape {} for data of shape {}", shape.text(), data.text()));
    for (int axis = 0; axis < batch; ++axis)
        if (shape[axis] != data[axis])
            return fail(ErrorCode::InvalidArgument, "the batch dimensions of data and indices differ");
    const auto depth = static_cast<int>(shape[tuples]);
    QS_TRY(const auto values, toInt64Vector(indices));
    const std::vector<std::int64_t> strides = data.strides();
    TupleSlices slices;
    slices.length = data.numelBetween(batch + depth, data.rank());
    std::vector<std::int64_t> dims(shape.begin(), shape.end() - 1);
    dims.insert(dims.end(), data.begin() + batch + depth, data.end());
    slices.shape = Shape(std::move(dims));
    const std::int64_t count = shape.numelBetween(0, tuples);
    const std::int64_t perBatch = std::max<std::int64_t>(1, shape.numelBetween(batch, tuples));
    const std::int64_t batchLength = data.numelBetween(batch, data.rank());
    for (std::int64_t i = 0; i < count; ++i) {
        std::int64_t offset = i / perBatch * batchLength;
        for (int k = 0; k < depth; ++k) {
            const std::int64_t dim = data[batch + k], index = values[static_cast<std::size_t>(i * depth + k)];
            if (index < -dim || index >= dim)
                return fail(ErrorCode::InvalidArgument,
                            fmt::format("index {} is outside {} elements", index, dim));
            offset += (index < 0 ? index + dim : index) * strides[static_cast<std::size_t>(batch + k)];
        }
        slices.offsets.push_back(offset);
    }
    return slices;
}

Result<Kernel> gatherNd(NodeReader &reader) {
    return Kernel([batch = reader.intAttribute("batch_dims", 0)](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 2));
        QS_CHECK_OK(requireWholeBytes(call[0]));
        const auto axes = static_cast<int>(std::clamp<std::int64_t>(batch, -1, 64));
        QS_TRY(const TupleSlices slices, tupleSlices(call[0].shape(), call[1], axes));
        QS_TRY(Tensor result, call.allocate(call[0].dtype(), slices.shape));
        const auto item = static_cast<std::size_t>(dtypeBits(call[0].dtype()) / 8);
        const std::size_t bytes = static_cast<std::size_t>(slices.length) * item;
        for (std::size_t i = 0; i < slices.offsets.size(); ++i)
            std::memcpy(result.mutableBytes() + i * bytes,
                        call[0].bytes() + static_cast<std::size_t>(slices.offsets[i]) * item, bytes);
        return std::vector<Tensor>{std::move(result)};
    });
}

Result<Kernel> scatterNd(NodeReader &reader) {
    if (reader.stringAttribute("reduction", "none") != "none")
        return fail(ErrorCode::Unsupported, "a reduction");
    return Kernel([](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 3));
        QS_CHECK_OK(requireWholeBytes(call[0]));
        QS_TRY(const TupleSlices slices, tupleSlices(call[0].shape(), call[1], 0));
        if (call[2].shape() != slices.shape || call[2].dtype() != call[0].dtype())
            return fail(ErrorCode::InvalidArgument, fmt::format("updates of shape {} where {} is needed",
                                                                call[2].shape().text(), slices.shape.text()));
        QS_TRY(Tensor result, copyOf(call, call[0]));
        const auto item = static_cast<std::size_t>(dtypeBits(call[0].dtype()) / 8);
        const std::size_t bytes = static_cast<std::size_t>(slices.length) * item;
        for (std::size_t i = 0; i < slices.offsets.size(); ++i)
            std::memcpy(result.mutableBytes() + static_cast<std::size_t>(slices.offsets[i]) * item,
                        call[2].bytes() + i * bytes, bytes);
        return std::vector<Tensor>{std::move(result)};
    });
}

constexpr KernelEntry kEntries[] = {
    {"Gather", 1, gather},           {"GatherElements", 11, gatherElements},   {"GatherND", 11, gatherNd},
    {"Scatter", 9, scatterElements}, {"ScatterElements", 11, scatterElements}, {"ScatterND", 11, scatterNd},
};

} // namespace

KernelFamily indexingKernels() {
    return kEntries;
}

} // namespace qs
