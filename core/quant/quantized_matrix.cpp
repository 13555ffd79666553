#include "core/quant/quantized_matrix.h"

#include "core/base/parallel.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>

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
    const int fewest = matrix.levels.empty() ? kMinBits : 1;
    if (matrix.bits < fewest || matrix.bits > kMaxStoredBits)
        return broken(fmt::format("{} bits; allowed: {} to {}", matrix.bits, fewest, kMaxStoredBits));
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

Status validateGrids(const QuantizedMatrix &matrix, QuantizedMatrix::ScaleSign sign) {
    CodeRange zeros = codeRange(matrix.bits, matrix.convention);
    if (!matrix.realZeroPoints.empty() || !matrix.levels.empty()) {
        zeros = {zeros.lowest, zeros.lowest};
    } else if (matrix.convention != GridConvention::Asymmetric) {
        const std::int32_t zero =
            matrix.convention == GridConvention::SymmetricOffset ? 1 << (matrix.bits - 1) : 0;
        zeros = {zero, zero};
    }
    for (std::size_t slice = 0; slice < matrix.scales.size(); ++slice) {
        const float scale = matrix.scales[slice];
        const bool anySign = sign == QuantizedMatrix::ScaleSign::Any;
        if (!std::isfinite(scale) || (scale <= 0 && !anySign))
            return broken(fmt::format("scale of slice {} is {}; it must be {}finite", slice, scale,
                                      anySign ? "" : "positive and "));
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

Status validateExtraSizes(const QuantizedMatrix &matrix) {
    const std::int64_t slices = matrix.layout.slices(), count = std::int64_t{1} << matrix.bits;
    auto finite = [](const std::vector<float> &values) {
        return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
    };
    if (!matrix.realZeroPoints.empty() && sizeOf(matrix.realZeroPoints) != slices)
        return broken(fmt::format("{} real zero points, expected {}", matrix.realZeroPoints.size(), slices));
    if (!matrix.levels.empty() && sizeOf(matrix.levels) != count && sizeOf(matrix.levels) != slices * count)
        return broken(
            fmt::format("{} levels, expected {} or {}", matrix.levels.size(), count, slices * count));
    if (!finite(matrix.realZeroPoints) || !finite(matrix.levels))
        return broken("a zero point or a level is not finite");
    if (matrix.sliceStorage &&
        !(matrix.sliceStorage->scaleBits >= 0 && matrix.sliceStorage->scaleBits <= 4096 &&
          matrix.sliceStorage->zeroPointBits >= 0 && matrix.sliceStorage->zeroPointBits <= 64))
        return broken("the storage of a slice is no possible number of bits");
    return {};
}

Status validateKept(const QuantizedMatrix &matrix) {
    std::pair<std::int64_t, std::int64_t> last{-1, 0};
    for (const KeptWeight &kept : matrix.kept) {
        const std::pair place{kept.row, kept.col};
        if (kept.row < 0 || kept.row >= matrix.rows || kept.col < 0 || kept.col >= matrix.cols ||
            place <= last)
            return broken(fmt::format("kept weight [row {}, column {}] lies outside or out of order",
                                      kept.row, kept.col));
        if (!std::isfinite(kept.value))
            return broken(
                fmt::format("kept weight [row {}, column {}] is {}", kept.row, kept.col, kept.value));
        last = place;
    }
    return {};
}

Status validateBranch(const QuantizedMatrix &matrix) {
    if (!matrix.branch)
        return {};
    const auto [down, up] = std::pair(matrix.branch->down, matrix.branch->up);
    const bool fits = down.dtype() == DType::Float32 && up.dtype() == DType::Float32 &&
                      down.shape().rank() == 2 && up.shape().rank() == 2 && down.shape()[1] == matrix.cols &&
                      up.shape()[0] == matrix.rows && down.shape()[0] == up.shape()[1];
    if (!fits)
        return broken(fmt::format("the branch {} · {} does not fit a weight [{}, {}]", up.shape().text(),
                                  down.shape().text(), matrix.rows, matrix.cols));
    for (const Tensor &factor : {down, up})
        for (const float value : factor.values<float>())
            if (!std::isfinite(value))
                return broken("the branch holds a value that is not finite");
    return {};
}

} // namespace

Tensor LowRankBranch::product() const {
    using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    using FloatMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const std::int64_t rows = up.shape()[0], cols = down.shape()[1];
    const Eigen::Map<const FloatMatrix> left(up.values<float>().data(), rows, rank());
    const Eigen::Map<const FloatMatrix> right(down.values<float>().data(), rank(), cols);
    const Matrix sum = left.cast<double>() * right.cast<double>();
    Tensor tensor = Tensor::allocate(DType::Float32, Shape{rows, cols});
    Eigen::Map<FloatMatrix>(tensor.mutableValues<float>().data(), rows, cols) = sum.cast<float>();
    return tensor;
}

std::int64_t QuantizedMatrix::slice(std::int64_t row, std::int64_t col) const {
    return groupOfColumn.empty() ? layout.slice(row, col)
                                 : row * layout.groupsPerRow() + groupOfColumn[static_cast<std::size_t>(col)];
}

ScaleZero QuantizedMatrix::grid(std::int64_t row, std::int64_t col) const {
    const auto index = static_cast<std::size_t>(slice(row, col));
    return {scales[index], zeroPoints[index]};
}

bool QuantizedMatrix::isIntegerGrid() const {
    return realZeroPoints.empty() && levels.empty() && kept.empty() && !branch;
}

std::string QuantizedMatrix::extras() const {
    std::vector<std::string> parts;
    if (!realZeroPoints.empty())
        parts.emplace_back("real zero points");
    if (!levels.empty())
        parts.emplace_back(sizeOf(levels) > std::int64_t{1} << bits ? "a codebook for every slice"
                                                                    : "a codebook");
    if (!kept.empty())
        parts.push_back(fmt::format("{} kept weights", kept.size()));
    if (branch)
        parts.push_back(fmt::format("a branch of rank {}", branch->rank()));
    return fmt::format("{}", fmt::join(parts, ", "));
}

float QuantizedMatrix::valueOf(std::int16_t code, std::int64_t slice) const {
    const auto index = static_cast<std::size_t>(slice);
    if (!levels.empty()) {
        const auto count = std::size_t{1} << bits;
        const auto level = static_cast<std::size_t>(code - codeRange(bits, convention).lowest);
        return scales[index] * levels[(levels.size() > count ? index * count : 0) + level];
    }
    if (!realZeroPoints.empty())
        return scales[index] * (static_cast<float>(code) - realZeroPoints[index]);
    return dequantizeValue(code, {scales[index], zeroPoints[index]});
}

void QuantizedMatrix::dequantizeRow(std::int64_t row, std::int64_t col, std::span<float> values) const {
    const std::int64_t first = col, end = col + sizeOf(values);
    while (col < end) {
        const std::int64_t index = slice(row, col);
        const std::int64_t stop = groupOfColumn.empty() ? std::min(end, layout.sliceEnd(col)) : col + 1;
        const std::int16_t *code = codes.data() + row * cols + col;
        float *value = values.data() + (col - first);
        if (levels.empty() && realZeroPoints.empty()) {
            const ScaleZero plain{scales[static_cast<std::size_t>(index)],
                                  zeroPoints[static_cast<std::size_t>(index)]};
            for (; col < stop; ++col)
                *value++ = dequantizeValue(*code++, plain);
        } else {
            for (; col < stop; ++col)
                *value++ = valueOf(*code++, index);
        }
    }
    const auto before = [](const KeptWeight &a, const KeptWeight &b) {
        return std::pair(a.row, a.col) < std::pair(b.row, b.col);
    };
    auto weight = std::lower_bound(kept.begin(), kept.end(), KeptWeight{row, first, 0}, before);
    for (; weight != kept.end() && weight->row == row && weight->col < end; ++weight)
        values[static_cast<std::size_t>(weight->col - first)] = weight->value;
}

Tensor QuantizedMatrix::dequantizeWithoutBranch() const {
    Tensor tensor = Tensor::allocate(DType::Float32, Shape{rows, cols});
    const auto values = tensor.mutableValues<float>();
    auto dequantizeRows = [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row)
            dequantizeRow(
                row, 0, values.subspan(static_cast<std::size_t>(row * cols), static_cast<std::size_t>(cols)));
    };
    const std::int64_t rowsPerBlock = std::max<std::int64_t>(1, 65536 / std::max<std::int64_t>(1, cols));
    // Without a stop token it cannot be cancelled, so there is no error to pass on.
    (void)parallelFor(rows, rowsPerBlock, RunContext{}, dequantizeRows);
    return tensor;
}

Tensor QuantizedMatrix::dequantize() const {
    Tensor tensor = dequantizeWithoutBranch();
    if (!branch)
        return tensor;
    const Tensor product = branch->product();
    const auto added = product.values<float>();
    float *value = tensor.mutableValues<float>().data();
    for (const float part : added)
        *value++ += part;
    return tensor;
}

BitsBreakdown QuantizedMatrix::bitsBreakdown() const {
    const double weights = static_cast<double>(rows * cols);
    if (weights == 0)
        return {};
    const double slices = static_cast<double>(layout.slices());
    BitsBreakdown breakdown;
    breakdown.codes = bits;
    const double zeroBits = !realZeroPoints.empty()                                      ? 16
                            : convention == GridConvention::Asymmetric && levels.empty() ? bits
                                                                                         : 0;
    const SliceStorage slice = sliceStorage.value_or(SliceStorage{scaleAsFloat16 ? 16.0 : 32.0, zeroBits});
    breakdown.scales = slice.scaleBits * slices / weights;
    breakdown.zeroPoints = slice.zeroPointBits * slices / weights;
    breakdown.indices = 32 * static_cast<double>(groupOfColumn.size()) / weights;
    breakdown.outliers = 32 * static_cast<double>(kept.size()) / weights;
    if (branch)
        breakdown.branch = 16.0 * static_cast<double>(branch->rank() * (rows + cols)) / weights;
    return breakdown;
}

Status QuantizedMatrix::validate(ScaleSign sign) const {
    QS_CHECK_OK(validateSizes(*this));
    QS_CHECK_OK(validateGrids(*this, sign));
    QS_CHECK_OK(validateCodes(*this));
    QS_CHECK_OK(validateColumnGroups(*this));
    QS_CHECK_OK(validateExtraSizes(*this));
    QS_CHECK_OK(validateKept(*this));
    return validateBranch(*this);
}

} // namespace qs
