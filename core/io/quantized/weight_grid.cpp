#include "core/io/quantized/weight_grid.h"

#include "core/tensor/convert.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

namespace qs {
namespace {

std::int64_t sizeOf(const auto &container) {
    return static_cast<std::int64_t>(container.size());
}

tl::unexpected<Error> wrong(std::string what) {
    return fail(ErrorCode::CorruptFile, std::move(what));
}

/// For each axis, the part that each of its indices has in the index of a scale.
std::vector<std::vector<std::int64_t>> sliceParts(const WeightGrid &grid) {
    const std::vector<std::int64_t> strides = grid.slices().strides();
    std::vector<std::vector<std::int64_t>> parts;
    for (int axis = 0; axis < grid.shape.rank(); ++axis) {
        const auto a = static_cast<std::size_t>(axis);
        std::vector<std::int64_t> &part = parts.emplace_back(static_cast<std::size_t>(grid.shape[axis]));
        for (std::size_t i = 0; i < part.size(); ++i) {
            const bool listed = !grid.groupOfIndex.empty() && axis == grid.groupAxis;
            part[i] =
                strides[a] * (listed ? grid.groupOfIndex[i] : static_cast<std::int64_t>(i) / grid.block[a]);
        }
    }
    return parts;
}

float zeroOf(const WeightGrid &grid, std::size_t slice) {
    return !grid.realZeroPoints.empty() ? grid.realZeroPoints[slice]
           : grid.zeroPoints.empty()    ? 0.0f
                                        : static_cast<float>(grid.zeroPoints[slice]);
}

Status checkCodes(const WeightGrid &grid) {
    if (grid.bits >= 32)
        return {};
    const std::int64_t count = std::int64_t{1} << grid.bits;
    const std::int64_t lowest = grid.isSigned ? -count / 2 : 0;
    for (const std::int32_t code : grid.codes)
        if (code < lowest || code >= lowest + count)
            return wrong(fmt::format("has the code {}, which does not fit {} bits", code, grid.bits));
    if (grid.levels.empty())
        return {};
    if (sizeOf(grid.levels) != count || grid.isSigned)
        return wrong(fmt::format("has {} levels for {} bits", grid.levels.size(), grid.bits));
    for (const std::int32_t code : grid.codes)
        if (!std::isfinite(grid.levels[static_cast<std::size_t>(code)]))
            return wrong("has NaN or infinite weights");
    return {};
}

Status checkGroups(const WeightGrid &grid) {
    if (grid.groupOfIndex.empty())
        return {};
    if (grid.groupAxis < 0 || grid.groupAxis >= grid.shape.rank() ||
        sizeOf(grid.groupOfIndex) != grid.shape[grid.groupAxis])
        return wrong(
            fmt::format("has {} group indices for a weight {}", grid.groupOfIndex.size(), grid.shape.text()));
    const std::int64_t groups = grid.slices()[grid.groupAxis];
    for (std::size_t i = 0; i < grid.groupOfIndex.size(); ++i)
        if (grid.groupOfIndex[i] < 0 || grid.groupOfIndex[i] >= groups)
            return wrong(fmt::format("has the group index {} at {}; there are {} groups",
                                     grid.groupOfIndex[i], i, groups));
    return {};
}

} // namespace

Shape WeightGrid::slices() const {
    std::vector<std::int64_t> dims;
    for (int axis = 0; axis < shape.rank(); ++axis) {
        const std::int64_t size = block[static_cast<std::size_t>(axis)];
        dims.push_back((shape[axis] + size - 1) / size);
    }
    return Shape(std::move(dims));
}

Status WeightGrid::check() const {
    if (sizeOf(block) != shape.rank() ||
        std::any_of(block.begin(), block.end(), [](std::int64_t size) { return size < 1; }))
        return wrong("has scales that do not fit its shape");
    const std::int64_t count = slices().numel();
    if (sizeOf(codes) != shape.numel())
        return wrong(fmt::format("has {} codes for a weight {}", codes.size(), shape.text()));
    if (sizeOf(scales) != count)
        return wrong(
            fmt::format("has {} scales; its weight {} needs {}", scales.size(), shape.text(), count));
    if ((!zeroPoints.empty() && sizeOf(zeroPoints) != count) ||
        (!realZeroPoints.empty() && sizeOf(realZeroPoints) != count))
        return wrong(fmt::format("has {} zero points for {} scales",
                                 std::max(zeroPoints.size(), realZeroPoints.size()), count));
    const auto finite = [](float value) { return std::isfinite(value); };
    if (!std::all_of(scales.begin(), scales.end(), finite) ||
        !std::all_of(realZeroPoints.begin(), realZeroPoints.end(), finite))
        return wrong("has a scale or a zero point that is NaN or infinite");
    QS_CHECK_OK(checkGroups(*this));
    return checkCodes(*this);
}

Tensor WeightGrid::values() const {
    Tensor tensor = Tensor::allocate(DType::Float32, shape);
    float *value = tensor.mutableValues<float>().data();
    const auto parts = sliceParts(*this);
    const std::int32_t *code = codes.data();
    const std::vector<std::int64_t> scalar{0};
    const std::vector<std::int64_t> &inner = shape.rank() > 0 ? parts.back() : scalar;
    std::vector<std::int64_t> at(static_cast<std::size_t>(std::max(0, shape.rank() - 1)), 0);
    const std::int64_t lines = inner.empty() ? 0 : shape.numel() / sizeOf(inner);
    for (std::int64_t line = 0; line < lines; ++line) {
        std::int64_t base = 0;
        for (std::size_t axis = 0; axis < at.size(); ++axis)
            base += parts[axis][static_cast<std::size_t>(at[axis])];
        for (const std::int64_t part : inner) {
            const auto slice = static_cast<std::size_t>(base + part);
            const float step = levels.empty() ? static_cast<float>(*code) - zeroOf(*this, slice)
                                              : levels[static_cast<std::size_t>(*code)];
            *value++ = scales[slice] * step;
            ++code;
        }
        for (std::size_t axis = at.size(); axis-- > 0;) {
            if (++at[axis] < shape[static_cast<int>(axis)])
                break;
            at[axis] = 0;
        }
    }
    for (const auto &[index, weight] : kept)
        tensor.mutableValues<float>()[static_cast<std::size_t>(index)] = weight;
    return tensor;
}

namespace {

template <typename T>
std::vector<T> transposedVector(const std::vector<T> &values, std::int64_t rows, std::int64_t cols) {
    std::vector<T> result(values.size());
    for (std::int64_t r = 0; r < rows && !values.empty(); ++r)
        for (std::int64_t c = 0; c < cols; ++c)
            result[static_cast<std::size_t>(c * rows + r)] = values[static_cast<std::size_t>(r * cols + c)];
    return result;
}

} // namespace

WeightGrid WeightGrid::transposed() const {
    WeightGrid result = *this;
    const Shape grid = slices();
    result.shape = Shape{shape[1], shape[0]};
    result.block = {block[1], block[0]};
    result.codes = transposedVector(codes, shape[0], shape[1]);
    result.scales = transposedVector(scales, grid[0], grid[1]);
    result.zeroPoints = transposedVector(zeroPoints, grid[0], grid[1]);
    result.realZeroPoints = transposedVector(realZeroPoints, grid[0], grid[1]);
    result.groupAxis = 1 - groupAxis;
    for (auto &[index, value] : result.kept)
        index = index % shape[1] * shape[0] + index / shape[1];
    std::sort(result.kept.begin(), result.kept.end());
    return result;
}

std::string WeightGrid::text() const {
    if (!blocks.empty()) // their blocks are larger than what shares a scale
        return fmt::format("{}, {}-bit codes, {} weights a scale", form, bits, block.back());
    std::string type = levels.empty() ? fmt::format("{}int{}", isSigned ? "" : "u", bits)
                                      : fmt::format("{} levels of {} bits", levels.size(), bits);
    bool partial = false;
    std::string sizes;
    for (int axis = 0; axis < shape.rank(); ++axis) {
        const std::int64_t size = block[static_cast<std::size_t>(axis)];
        partial = partial || (size > 1 && size < shape[axis]);
        if (size > 1)
            sizes += (sizes.empty() ? "" : " x ") + std::to_string(size);
    }
    const std::string sharing = partial              ? ", blocks of " + sizes
                                : scales.size() == 1 ? ", one scale"
                                                     : ", a scale per channel";
    return form + ", " + type + sharing + (groupOfIndex.empty() ? "" : ", act-order");
}

Result<std::vector<std::int32_t>> integerCodes(const Tensor &tensor) {
    const int bits = dtypeBits(tensor.dtype());
    const auto count = static_cast<std::size_t>(tensor.numel());
    std::vector<std::int32_t> codes(count);
    const auto *bytes = reinterpret_cast<const std::uint8_t *>(tensor.bytes());
    const auto copy = [&]<typename T>(std::span<const T> values) {
        std::transform(values.begin(), values.end(), codes.begin(),
                       [](T value) { return static_cast<std::int32_t>(value); });
    };
    switch (tensor.dtype()) {
    case DType::Int2:
    case DType::UInt2:
    case DType::Int4:
    case DType::UInt4: {
        const bool isSigned = tensor.dtype() == DType::Int4 || tensor.dtype() == DType::Int2;
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t bit = i * static_cast<std::size_t>(bits);
            const int code = bytes[bit / 8] >> (bit % 8) & ((1 << bits) - 1);
            codes[i] = isSigned && code >= 1 << (bits - 1) ? code - (1 << bits) : code;
        }
        return codes;
    }
    case DType::Int8:
        copy(tensor.values<std::int8_t>());
        return codes;
    case DType::UInt8:
        copy(tensor.values<std::uint8_t>());
        return codes;
    case DType::Int16:
        copy(tensor.values<std::int16_t>());
        return codes;
    case DType::UInt16:
        copy(tensor.values<std::uint16_t>());
        return codes;
    case DType::Int32:
        copy(tensor.values<std::int32_t>());
        return codes;
    default:
        return fail(ErrorCode::Unsupported, fmt::format("{} are no codes", dtypeName(tensor.dtype())));
    }
}

} // namespace qs
