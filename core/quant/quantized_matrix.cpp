#include "core/quant/quantized_matrix.h"

#include "core/base/parallel.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

/// Codes are stored as int16: asymmetric 16-bit codes would not fit.
constexpr int kMaxStoredBits = 15;

std::int64_t sizeOf(const auto &container) {
    return static_cast<std::int64_t>(container.size());
}

Status broken(std::string what) {
    return fail(ErrorCode::PluginFailure, std::move(what));
}

Status validateSizes(const QuantizedMatrix &matrix) {
    const SliceLayout &layout = matrix.layout;
    if (matrix.rows < 0 || matrix.cols < 0 || layout.rows != matrix.rows || layout.cols != matrix.cols)
        return broken(fmt::format("matrix is [{}, {}] but its layout is [{}, {}]", matrix.rows, matrix.cols,
                                  layout.rows, layout.cols));
    if (matrix.bits < kMinBits || matrix.bits > kMaxStoredBits)
        return broken(fmt::format("{} bits; allowed: {} to {}", matrix.bits, kMinBits, kMaxStoredBits));
    if (layout.granularity == Granularity::PerGroup && layout.groupSize < 1)
        return broken(fmt::format("group size is {}; it must be at least 1", layout.groupSize));
    auto wrongCount = [](const char *what, std::int64_t found, std::int64_t expected) {
        return broken(fmt::format("{} {}, expected {}", found, what, expected));
    };
    if (sizeOf(matrix.codes) != matrix.rows * matrix.cols)
        return wrongCount("codes", sizeOf(matrix.codes), matrix.rows * matrix.cols);
    if (sizeOf(matrix.scales) != layout.slices())
        return wrongCount("scales", sizeOf(matrix.scales), layout.slices());
    if (sizeOf(matrix.zeroPoints) != layout.slices())
        return wrongCount("zero points", sizeOf(matrix.zeroPoints), layout.slices());
    return {};
}

Status validateGrids(const QuantizedMatrix &matrix) {
    CodeRange zeros = codeRange(matrix.bits, matrix.convention);
    if (matrix.convention != GridConvention::Asymmetric) {
        const std::int32_t zero =
            matrix.convention == GridConvention::SymmetricOffset ? 1 << (matrix.bits - 1) : 0;
        zeros = {zero, zero};
    }
    for (std::size_t slice = 0; slice < matrix.scales.size(); ++slice) {
        const float scale = matrix.scales[slice];
        if (!std::isfinite(scale) || scale <= 0)
            return broken(
                fmt::format("scale of slice {} is {}; it must be positive and finite", slice, scale));
        const std::int32_t zero = matrix.zeroPoints[slice];
        if (zero < zeros.lowest || zero > zeros.highest)
            return broken(fmt::format("zero point of slice {} is {}; allowed: {} to {}", slice, zero,
                                      zeros.lowest, zeros.highest));
    }
    return {};
}

Status validateCodes(const QuantizedMatrix &matrix) {
    const CodeRange range = codeRange(matrix.bits, matrix.convention);
    auto outside = [&](std::int16_t code) { return code < range.lowest || code > range.highest; };
    auto found = std::find_if(matrix.codes.begin(), matrix.codes.end(), outside);
    if (found == matrix.codes.end())
        return {};
    const std::int64_t index = found - matrix.codes.begin();
    return broken(fmt::format("code at row {}, column {} is {}; allowed: {} to {}", index / matrix.cols,
                              index % matrix.cols, *found, range.lowest, range.highest));
}

Status validateColumnGroups(const QuantizedMatrix &matrix) {
    if (matrix.groupOfColumn.empty())
        return {};
    if (matrix.layout.granularity != Granularity::PerGroup)
        return broken("columns have groups but the granularity is not per group");
    if (sizeOf(matrix.groupOfColumn) != matrix.cols)
        return broken(fmt::format("{} group indices, expected {}", matrix.groupOfColumn.size(), matrix.cols));
    for (std::size_t col = 0; col < matrix.groupOfColumn.size(); ++col)
        if (const auto group = matrix.groupOfColumn[col]; group < 0 || group >= matrix.layout.groupsPerRow())
            return broken(fmt::format("column {} is in group {}; there are {}", col, group,
                                      matrix.layout.groupsPerRow()));
    return {};
}

} // namespace

ScaleZero QuantizedMatrix::grid(std::int64_t row, std::int64_t col) const {
    const std::int64_t slice =
        groupOfColumn.empty() ? layout.slice(row, col)
                              : row * layout.groupsPerRow() + groupOfColumn[static_cast<std::size_t>(col)];
    return {scales[static_cast<std::size_t>(slice)], zeroPoints[static_cast<std::size_t>(slice)]};
}

Tensor QuantizedMatrix::dequantize() const {
    Tensor tensor = Tensor::allocate(DType::Float32, Shape{rows, cols});
    const auto values = tensor.mutableValues<float>();
    auto dequantizeRows = [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row)
            for (std::int64_t col = 0; col < cols;) {
                const ScaleZero slice = grid(row, col);
                const std::int64_t stop = groupOfColumn.empty() ? layout.sliceEnd(col) : col + 1;
                for (; col < stop; ++col) {
                    const auto index = static_cast<std::size_t>(row * cols + col);
                    values[index] = dequantizeValue(codes[index], slice);
                }
            }
    };
    const std::int64_t rowsPerBlock = std::max<std::int64_t>(1, 65536 / std::max<std::int64_t>(1, cols));
    // Without a stop token it cannot be cancelled, so there is no error to pass on.
    (void)parallelFor(rows, rowsPerBlock, RunContext{}, dequantizeRows);
    return tensor;
}

BitsBreakdown QuantizedMatrix::bitsBreakdown() const {
    const double weights = static_cast<double>(rows * cols);
    if (weights == 0)
        return {};
    const double slices = static_cast<double>(layout.slices());
    BitsBreakdown breakdown;
    breakdown.codes = bits;
    breakdown.scales = (scaleAsFloat16 ? 16 : 32) * slices / weights;
    breakdown.zeroPoints = convention == GridConvention::Asymmetric ? bits * slices / weights : 0;
    breakdown.indices = 32 * static_cast<double>(groupOfColumn.size()) / weights;
    return breakdown;
}

Status QuantizedMatrix::validate() const {
    QS_CHECK_OK(validateSizes(*this));
    QS_CHECK_OK(validateGrids(*this));
    QS_CHECK_OK(validateCodes(*this));
    return validateColumnGroups(*this);
}

} // namespace qs
