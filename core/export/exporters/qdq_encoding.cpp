#include "core/export/exporters/qdq_encoding.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <numeric>

namespace qs {
namespace {

bool isSignedConvention(GridConvention convention) {
    return convention == GridConvention::SymmetricRestricted || convention == GridConvention::SymmetricFull;
}

/// The narrowest type that DequantizeLinear takes.
DType storageType(int bits, bool isSigned) {
    if (bits <= 4)
        return isSigned ? DType::Int4 : DType::UInt4;
    if (bits <= 8)
        return isSigned ? DType::Int8 : DType::UInt8;
    return isSigned ? DType::Int16 : DType::UInt16;
}

/// Integers as a tensor of an integer type; sub-byte types packed, first element in the low bits.
Tensor packIntegers(const std::vector<std::int32_t> &values, DType type, Shape shape) {
    Tensor tensor = Tensor::zeros(type, std::move(shape));
    const int bits = dtypeBits(type);
    auto *bytes = reinterpret_cast<std::uint8_t *>(tensor.mutableBytes());
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto pattern = static_cast<std::uint32_t>(values[i]);
        if (bits == 4) {
            bytes[i / 2] |= static_cast<std::uint8_t>((pattern & 15U) << (4 * (i % 2)));
            continue;
        }
        bytes[i * static_cast<std::size_t>(bits / 8)] = static_cast<std::uint8_t>(pattern);
        if (bits == 16)
            bytes[2 * i + 1] = static_cast<std::uint8_t>(pattern >> 8);
    }
    return tensor;
}

/// Columns in the order in which their groups follow each other.
/// \error Unsupported  a group is not a run of groupSize columns then
Result<std::vector<std::int64_t>> columnsByGroup(const QuantizedMatrix &matrix) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(matrix.cols));
    std::iota(order.begin(), order.end(), 0);
    const auto groupOf = [&](std::int64_t column) {
        return matrix.groupOfColumn[static_cast<std::size_t>(column)];
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int64_t a, std::int64_t b) { return groupOf(a) < groupOf(b); });
    for (std::int64_t p = 0; p < matrix.cols; ++p)
        if (groupOf(order[static_cast<std::size_t>(p)]) != p / matrix.layout.groupSize)
            return fail(
                ErrorCode::Unsupported,
                "its columns are spread over groups of unequal size, which blocked DequantizeLinear cannot "
                "express; choose static groups");
    return order;
}

/// Where the element (row, position) of the matrix lies in the tensor that is written.
struct Placement {
    std::int64_t rows, columns;
    bool transposed;
    std::size_t index(std::int64_t row, std::int64_t column) const {
        return static_cast<std::size_t>(transposed ? column * rows + row : row * columns + column);
    }
    Shape shape() const { return transposed ? Shape{columns, rows} : Shape{rows, columns}; }
};

std::vector<std::int32_t> placedCodes(const QuantizedMatrix &matrix, const Placement &placement, int shift,
                                      const std::vector<std::int64_t> &order) {
    std::vector<std::int32_t> placed(matrix.codes.size());
    for (std::int64_t r = 0; r < matrix.rows; ++r)
        for (std::int64_t p = 0; p < matrix.cols; ++p) {
            const std::int64_t column = order.empty() ? p : order[static_cast<std::size_t>(p)];
            placed[placement.index(r, p)] =
                matrix.codes[static_cast<std::size_t>(r * matrix.cols + column)] - shift;
        }
    return placed;
}

/// Scales and zero points of a [rows, groups] grid, placed like the codes.
void placeSlices(QdqWeight &weight, const QuantizedMatrix &matrix, const Placement &placement, int shift,
                 const Shape &shape) {
    std::vector<float> scales(matrix.scales.size());
    std::vector<std::int32_t> zeroPoints(matrix.scales.size());
    for (std::int64_t r = 0; r < placement.rows; ++r)
        for (std::int64_t g = 0; g < placement.columns; ++g) {
            const auto slice = static_cast<std::size_t>(r * placement.columns + g);
            scales[placement.index(r, g)] = matrix.scales[slice];
            zeroPoints[placement.index(r, g)] = matrix.zeroPoints[slice] - shift;
        }
    weight.scale = Tensor::fromValues<float>(shape, scales);
    weight.zeroPoint = packIntegers(zeroPoints, weight.codes.dtype(), shape);
}

/// What to subtract from codes so that they become signed, or count from 0: half their range, or nothing.
int shiftBetween(int bits, bool wasSigned, bool becomesSigned) {
    const int half = 1 << (bits - 1);
    return wasSigned == becomesSigned ? 0 : becomesSigned ? half : -half;
}

Status encodeBlocks(QdqWeight &weight, const Layer &layer, const QuantizedMatrix &matrix, DType type,
                    int shift) {
    std::vector<std::int64_t> order;
    if (!matrix.groupOfColumn.empty()) {
        QS_TRY(order, columnsByGroup(matrix));
        weight.columnSource.resize(order.size());
        for (std::size_t p = 0; p < order.size(); ++p)
            weight.columnSource[static_cast<std::size_t>(order[p])] = static_cast<std::int64_t>(p);
    }
    const Placement placement{matrix.rows, matrix.cols, layer.transposed};
    // Blocks run along one axis. Those of a kernel larger than 1×1 run over several, so it is written flat.
    weight.needsReshape = layer.weightShape != placement.shape();
    weight.axis = layer.transposed ? 0 : 1;
    weight.blockSize = matrix.layout.groupSize;
    weight.codes = packIntegers(placedCodes(matrix, placement, shift, order), type, placement.shape());
    const Placement slices{matrix.rows, matrix.layout.groupsPerRow(), layer.transposed};
    placeSlices(weight, matrix, slices, shift, slices.shape());
    return {};
}

/// The same matrix with the integer zero points that lie nearest to its real ones.
QuantizedMatrix withIntegerZeros(const QuantizedMatrix &matrix) {
    const CodeRange range = codeRange(matrix.bits, matrix.convention);
    QuantizedMatrix result = matrix;
    for (std::size_t i = 0; i < result.zeroPoints.size(); ++i)
        result.zeroPoints[i] = static_cast<std::int32_t>(
            std::clamp(std::nearbyint(static_cast<double>(matrix.realZeroPoints[i])),
                       static_cast<double>(range.lowest), static_cast<double>(range.highest)));
    result.realZeroPoints.clear();
    return result;
}

/// scale · (integer − real zero point) of each slice, in the shape that adds it.
void placeOffsets(QdqWeight &weight, const Layer &layer, const QuantizedMatrix &real,
                  const QuantizedMatrix &integer) {
    if (real.realZeroPoints.empty())
        return;
    const std::int64_t slices = real.layout.slices();
    const bool blocked = weight.blockSize > 0;
    const Placement placement = blocked ? Placement{real.rows, real.layout.groupsPerRow(), layer.transposed}
                                        : Placement{slices, 1, false};
    std::vector<float> offsets(static_cast<std::size_t>(slices));
    for (std::int64_t r = 0; r < placement.rows; ++r)
        for (std::int64_t g = 0; g < placement.columns; ++g) {
            const auto slice = static_cast<std::size_t>(r * placement.columns + g);
            offsets[placement.index(r, g)] =
                static_cast<float>(real.scales[slice] * (integer.zeroPoints[slice] -
                                                         static_cast<double>(real.realZeroPoints[slice])));
        }
    std::vector<std::int64_t> dims(static_cast<std::size_t>(layer.weightShape.rank()), 1);
    if (blocked) {
        const Shape shape = placement.shape();
        dims = layer.transposed ? std::vector<std::int64_t>{shape[0], 1, shape[1]}
                                : std::vector<std::int64_t>{shape[0], shape[1], 1};
    } else if (slices > 1) {
        dims[static_cast<std::size_t>(weight.axis)] = slices;
    }
    weight.offset = Tensor::fromValues<float>(Shape(std::move(dims)), offsets);
}

} // namespace

bool hasIntegerCodes(const QuantizedMatrix &matrix) {
    // The last, shorter group of a row has no place in the shape that adds offsets to blocks.
    const bool blocked = matrix.layout.granularity == Granularity::PerGroup;
    return matrix.levels.empty() &&
           (matrix.realZeroPoints.empty() || !blocked || matrix.cols % matrix.layout.groupSize == 0);
}

Result<QdqWeight> encodeWeight(const Layer &layer, const QuantizedMatrix &given,
                               std::optional<bool> signedCodes) {
    const QuantizedMatrix nearest =
        given.realZeroPoints.empty() ? QuantizedMatrix{} : withIntegerZeros(given);
    const QuantizedMatrix &matrix = given.realZeroPoints.empty() ? given : nearest;
    // Offset codes have their zero in the middle: shifted, they are plain symmetric ones with zero point 0.
    const bool symmetric = matrix.convention != GridConvention::Asymmetric;
    const bool isSigned = matrix.bits > 4 ? signedCodes.value_or(symmetric) : symmetric;
    const int shift = shiftBetween(matrix.bits, isSignedConvention(matrix.convention), isSigned);
    const DType type = storageType(matrix.bits, isSigned);
    QdqWeight weight;
    if (matrix.layout.granularity == Granularity::PerGroup && matrix.layout.groupsPerRow() > 1) {
        if (auto encoded = encodeBlocks(weight, layer, matrix, type, shift); !encoded)
            return fail(std::move(encoded).error().withContext(layer.name));
        placeOffsets(weight, layer, given, matrix);
        return weight;
    }
    const Placement placement{matrix.rows, matrix.cols, layer.transposed};
    weight.axis = layer.outChannelAxis;
    weight.codes = packIntegers(placedCodes(matrix, placement, shift, {}), type, layer.weightShape);
    const std::int64_t slices = matrix.layout.slices();
    const bool perTensor = matrix.layout.granularity == Granularity::PerTensor;
    placeSlices(weight, matrix, {slices, 1, false}, shift, perTensor ? Shape{} : Shape{slices});
    placeOffsets(weight, layer, given, matrix);
    return weight;
}

QdqKept encodeKept(const Layer &layer, const QuantizedMatrix &matrix) {
    const Placement placement{matrix.rows, matrix.cols, layer.transposed};
    const auto count = static_cast<std::int64_t>(matrix.kept.size());
    const int rank = layer.weightShape.rank();
    QdqKept encoded{Tensor::allocate(DType::Int64, Shape{count, rank}),
                    Tensor::allocate(DType::Float32, Shape{count})};
    std::int64_t *place = encoded.places.mutableValues<std::int64_t>().data();
    float *value = encoded.values.mutableValues<float>().data();
    for (const KeptWeight &kept : matrix.kept) {
        auto rest = static_cast<std::int64_t>(placement.index(kept.row, kept.col));
        for (int axis = rank - 1; axis >= 0; --axis) {
            place[axis] = rest % layer.weightShape[axis];
            rest /= layer.weightShape[axis];
        }
        place += rank;
        *value++ = kept.value;
    }
    return encoded;
}

Tensor integerScalar(std::int32_t value, DType type) {
    return packIntegers({value}, type, Shape{});
}

QdqActivation encodeActivation(ScaleZero grid, const GridScheme &scheme, bool signedCodes) {
    const int shift = shiftBetween(scheme.bits, isSignedConvention(scheme.convention), signedCodes);
    const bool wide = scheme.bits > 8;
    QdqActivation activation;
    activation.type =
        wide ? (signedCodes ? DType::Int16 : DType::UInt16) : (signedCodes ? DType::Int8 : DType::UInt8);
    activation.scale = grid.scale;
    activation.zeroPoint = grid.zeroPoint - shift;
    const CodeRange range = codeRange(scheme.bits, scheme.convention);
    const std::int32_t typeCodes = wide ? 65536 : 256;
    if (range.highest - range.lowest + 1 < typeCodes)
        activation.clip = {dequantizeValue(range.lowest, grid), dequantizeValue(range.highest, grid)};
    return activation;
}

std::pair<QdqActivation, QdqActivation> encodeRegions(const RegionGrid &grid, int bits, bool signedCodes) {
    const auto count = static_cast<float>(1 << (bits - 1));
    const DType type = signedCodes ? DType::Int8 : DType::UInt8;
    const float negative = grid.negativeStep();
    return {{type, grid.step, 0, std::pair(0.0f, (count - 1) * grid.step)},
            {type, negative, signedCodes ? 0 : 255, std::pair(-count * negative, 0.0f)}};
}

std::optional<QdqBias> encodeBias(std::span<const float> bias, float inputScale, const Tensor &weightScale) {
    const auto scales = weightScale.values<float>();
    QdqBias encoded;
    encoded.scale = Tensor::allocate(DType::Float32, weightScale.shape());
    encoded.codes = Tensor::allocate(DType::Int32, Shape{static_cast<std::int64_t>(bias.size())});
    auto products = encoded.scale.mutableValues<float>();
    for (std::size_t i = 0; i < scales.size(); ++i) {
        products[i] = inputScale * scales[i];
        if (!std::isnormal(products[i]))
            return std::nullopt;
    }
    auto codes = encoded.codes.mutableValues<std::int32_t>();
    for (std::size_t i = 0; i < bias.size(); ++i) {
        const float step = products[products.size() == 1 ? 0 : i];
        const double code = roundTo(static_cast<double>(bias[i]) / step, RoundingMode::HalfEven);
        if (!(std::abs(code) <= std::numeric_limits<std::int32_t>::max()))
            return std::nullopt;
        codes[i] = static_cast<std::int32_t>(code);
    }
    return encoded;
}

} // namespace qs
