#include "core/analysis/cell_inspection.h"

#include "core/quant/weight_aspect.h"

#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace qs {
namespace {

/// The matrix as a source that does not own it: used within one call only.
std::shared_ptr<const MatrixSource> dequantizedOf(const QuantizedMatrix &matrix) {
    return aspectSource(WeightAspect::Dequantized, {},
                        std::shared_ptr<const QuantizedMatrix>(std::shared_ptr<void>(), &matrix));
}

std::string bitsOf(std::int32_t code, int bits) {
    std::string text;
    for (int bit = bits - 1; bit >= 0; --bit)
        text += (static_cast<std::uint32_t>(code) >> bit & 1) != 0 ? '1' : '0';
    return text;
}

QuantizedCell quantizedCell(const QuantizedMatrix &matrix, const WeightPlace &place, float value) {
    QuantizedCell cell;
    cell.code = matrix.codes[static_cast<std::size_t>(place.matrixIndex)];
    cell.bits = bitsOf(cell.code, matrix.bits);
    cell.grid = matrix.grid(place.row, place.col);
    // Levels, real zero points and kept weights count, too.
    dequantizedOf(matrix)->read(place.row, place.col, {&cell.dequantized, 1});
    cell.error = static_cast<double>(cell.dequantized) - static_cast<double>(value);
    cell.errorInSteps = cell.error / static_cast<double>(cell.grid.scale);
    const CodeRange range = codeRange(matrix.bits, matrix.convention);
    constexpr double kHalfStep = 0.5 + 1e-6;
    cell.isClipped =
        matrix.isIntegerGrid() && ((cell.code == range.highest && cell.errorInSteps < -kHalfStep) ||
                                   (cell.code == range.lowest && cell.errorInSteps > kHalfStep));
    return cell;
}

/// Where the block lies; `columns` are those of each row when they are scattered.
BlockFacts blockAround(const WeightPlace &place, std::int64_t rows, std::int64_t cols,
                       const QuantizedMatrix *matrix, std::vector<std::int64_t> &columns) {
    BlockFacts block;
    block.firstRow = place.row;
    block.endRow = place.row + 1;
    block.endCol = cols;
    if (!matrix)
        return block;
    const SliceLayout &layout = matrix->layout;
    block.slice = layout.slice(place.row, place.col);
    if (layout.granularity == Granularity::PerTensor) {
        block.firstRow = 0;
        block.endRow = rows;
    }
    if (layout.granularity != Granularity::PerGroup)
        return block;
    block.group = place.col / layout.groupSize;
    block.firstCol = block.group * layout.groupSize;
    block.endCol = layout.sliceEnd(place.col);
    if (matrix->groupOfColumn.empty())
        return block;
    block.group = matrix->groupOfColumn[static_cast<std::size_t>(place.col)];
    block.slice = place.row * layout.groupsPerRow() + block.group;
    for (std::int64_t col = 0; col < cols; ++col)
        if (matrix->groupOfColumn[static_cast<std::size_t>(col)] == block.group)
            columns.push_back(col);
    block.firstCol = columns.front();
    block.endCol = columns.back() + 1;
    block.isScattered = static_cast<std::int64_t>(columns.size()) < block.endCol - block.firstCol;
    return block;
}

/// Adds one row of the block to its statistics.
void addValues(std::span<const float> values, BlockFacts &block, double &sum) {
    for (const float value : values) {
        if (!std::isfinite(value)) {
            ++block.notFinite;
            continue;
        }
        block.min = std::min<double>(block.min, value);
        block.max = std::max<double>(block.max, value);
        sum += static_cast<double>(value);
    }
    block.count += static_cast<std::int64_t>(values.size());
}

Status measureBlock(BlockFacts &block, const std::vector<std::int64_t> &columns,
                    MatrixView<const float> weights, const QuantizedMatrix *matrix, const RunContext &ctx) {
    const auto dequantized = matrix ? dequantizedOf(*matrix) : nullptr;
    if (matrix)
        block.error.emplace();
    const auto width = static_cast<std::size_t>(block.endCol - block.firstCol);
    std::vector<float> values(width), others(matrix ? width : 0);
    const auto pick = [&](std::vector<float> &row) {
        for (std::size_t i = 0; i < columns.size(); ++i)
            row[i] = row[static_cast<std::size_t>(columns[i] - block.firstCol)];
        return std::span<const float>(row).first(columns.empty() ? width : columns.size());
    };
    block.min = std::numeric_limits<double>::infinity();
    block.max = -block.min;
    double sum = 0;
    for (std::int64_t row = block.firstRow; row < block.endRow; ++row) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        ctx.step(row - block.firstRow, block.endRow - block.firstRow, "measuring the block");
        const auto all = weights.row(row).subspan(static_cast<std::size_t>(block.firstCol), width);
        std::copy(all.begin(), all.end(), values.begin());
        const auto reference = pick(values);
        addValues(reference, block, sum);
        if (!matrix)
            continue;
        dequantized->read(row, block.firstCol, others);
        block.error->add(reference, pick(others));
    }
    const auto finite = static_cast<double>(block.count - block.notFinite);
    block.mean = sum / finite;
    if (finite == 0)
        block.min = block.max = block.mean = std::numeric_limits<double>::quiet_NaN();
    return {};
}

} // namespace

void CellInspection::forgetErrors() {
    if (quantized) {
        quantized->hasOriginal = false;
        quantized->isClipped = false;
    }
    block.error.reset();
}

WeightPlace placeOfWeight(const Layer &layer, std::int64_t row, std::int64_t col) {
    WeightPlace place{row, col, col, {}, row * layer.inPerOut + col, {}, 0};
    const Shape &shape = layer.weightShape;
    if (layer.kind == LayerKind::Conv && shape.rank() > 2) {
        std::int64_t rest = col;
        for (int axis = shape.rank() - 1; axis >= 2; --axis) {
            place.kernel.insert(place.kernel.begin(), rest % shape[axis]);
            rest /= shape[axis];
        }
        const std::int64_t rowsPerGroup = std::max<std::int64_t>(1, layer.outChannels / layer.groups);
        place.inputChannel = row / rowsPerGroup * shape[1] + rest;
        place.storedPosition = {row, rest};
        place.storedPosition.insert(place.storedPosition.end(), place.kernel.begin(), place.kernel.end());
        place.storedIndex = place.matrixIndex;
        return place;
    }
    place.storedPosition = layer.transposed ? std::vector{col, row} : std::vector{row, col};
    place.storedIndex = layer.transposed ? col * layer.outChannels + row : place.matrixIndex;
    return place;
}

Result<CellInspection> inspectCell(const Layer &layer, MatrixView<const float> weights,
                                   const QuantizedMatrix *matrix, std::int64_t row, std::int64_t col,
                                   const RunContext &ctx) {
    if (row < 0 || row >= weights.rows || col < 0 || col >= weights.cols)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("there is no weight at row {}, column {}: the matrix has {} rows and {} "
                                "columns, counted from 0",
                                row, col, weights.rows, weights.cols),
                    layer.name);
    QS_CHECK(!matrix || (matrix->rows == weights.rows && matrix->cols == weights.cols), "equal sizes");
    CellInspection cell;
    cell.place = placeOfWeight(layer, row, col);
    cell.value = weights(row, col);
    if (matrix)
        cell.quantized = quantizedCell(*matrix, cell.place, cell.value);
    std::vector<std::int64_t> columns;
    cell.block = blockAround(cell.place, weights.rows, weights.cols, matrix, columns);
    QS_CHECK_OK(measureBlock(cell.block, columns, weights, matrix, ctx));
    return cell;
}

Result<std::vector<std::pair<std::int64_t, std::int64_t>>> worstCells(MatrixView<const float> weights,
                                                                      const QuantizedMatrix &matrix,
                                                                      std::size_t count,
                                                                      const RunContext &ctx) {
    struct Found {
        float error;
        std::int64_t index;
        bool operator<(const Found &other) const { // better ones first in a heap
            return error != other.error ? error > other.error : index < other.index;
        }
    };
    std::vector<Found> heap;
    const auto dequantized = dequantizedOf(matrix);
    std::vector<float> values(static_cast<std::size_t>(weights.cols));
    for (std::int64_t row = 0; row < weights.rows && count > 0; ++row) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        ctx.step(row, weights.rows, "looking for the worst cells");
        dequantized->read(row, 0, values);
        for (std::int64_t col = 0; col < weights.cols; ++col) {
            const Found found{std::abs(values[static_cast<std::size_t>(col)] - weights(row, col)),
                              row * weights.cols + col};
            if (heap.size() == count && !(found < heap.front()))
                continue;
            if (heap.size() == count) {
                std::pop_heap(heap.begin(), heap.end());
                heap.pop_back();
            }
            heap.push_back(found);
            std::push_heap(heap.begin(), heap.end());
        }
    }
    std::sort_heap(heap.begin(), heap.end());
    std::vector<std::pair<std::int64_t, std::int64_t>> cells;
    for (const Found &found : heap)
        cells.emplace_back(found.index / weights.cols, found.index % weights.cols);
    return cells;
}

} // namespace qs
