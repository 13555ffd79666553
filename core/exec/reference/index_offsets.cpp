#include "core/exec/reference/index_offsets.h"

#include "core/exec/buffer_pool.h"
#include "core/tensor/convert.h"

#include <fmt/format.h>

namespace qs {

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
    QS_CHECK_OK(checkEmptyAxes(slices.shape));
    if (slices.shape.numel() == 0)
        return slices; // nothing to move, however many tuples there are
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

} // namespace qs
