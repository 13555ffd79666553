#include "core/tensor/tensor_pyramid.h"

#include "core/base/check.h"
#include "core/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

namespace qs {
namespace {

constexpr std::int64_t kValuesPerBlock = 1 << 18;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Folds cells that cover different numbers of matrix elements into one.
class CellFold {
public:
    void add(const PyramidCell &cell, std::int64_t elements) {
        m_cell.min = std::min(m_cell.min, cell.min);
        m_cell.max = std::max(m_cell.max, cell.max);
        m_sum += static_cast<double>(cell.mean) * static_cast<double>(elements);
        m_elements += elements;
        m_hasNan |= std::isnan(cell.min);
    }
    PyramidCell cell() const {
        if (m_hasNan)
            return {kNan, kNan, kNan};
        return {m_cell.min, m_cell.max, static_cast<float>(m_sum / static_cast<double>(m_elements))};
    }

private:
    PyramidCell m_cell{std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(), 0};
    double m_sum = 0;
    std::int64_t m_elements = 0;
    bool m_hasNan = false;
};

// By value: std::min chooses between references, which costs a mispredicted branch per cell.
float lesser(float a, float b) {
    return b < a ? b : a;
}
float greater(float a, float b) {
    return b > a ? b : a;
}

/// Folds four cells that cover as many elements each.
PyramidCell foldQuad(const PyramidCell &a, const PyramidCell &b, const PyramidCell &c, const PyramidCell &d) {
    if (std::isnan(a.min) || std::isnan(b.min) || std::isnan(c.min) || std::isnan(d.min)) {
        return {kNan, kNan, kNan};
    }
    const double sum = static_cast<double>(a.mean) + b.mean + c.mean + d.mean;
    return {lesser(lesser(a.min, b.min), lesser(c.min, d.min)),
            greater(greater(a.max, b.max), greater(c.max, d.max)), static_cast<float>(sum * 0.25)};
}

/// How many of the `size` elements of the matrix the cell at `index` of a level covers.
std::int64_t covered(std::int64_t size, std::int64_t index, int level) {
    const std::int64_t side = std::int64_t{1} << level;
    return std::min(size, (index + 1) * side) - index * side;
}

/// Folds single values into one cell.
struct ValueFold {
    float min = std::numeric_limits<float>::infinity(), max = -std::numeric_limits<float>::infinity();
    double sum = 0;
    bool hasNan = false;

    void add(std::span<const float> values) {
        for (const float value : values) {
            min = lesser(min, value);
            max = greater(max, value);
            sum += static_cast<double>(value);
            hasNan |= value != value;
        }
    }
    PyramidCell cell(std::int64_t count) const {
        if (hasNan)
            return {kNan, kNan, kNan};
        return {min, max, static_cast<float>(sum / static_cast<double>(count))};
    }
};

/// One small cell, without a trip to the heap.
PyramidCell joinSmall(const MatrixSource &values, int level, std::int64_t row, std::int64_t col) {
    constexpr std::int64_t kWidest = 1 << (TensorPyramid::kFirstStoredLevel - 1);
    float buffer[kWidest];
    const std::int64_t rows = covered(values.rows(), row, level), cols = covered(values.cols(), col, level);
    const std::span<float> read(buffer, static_cast<std::size_t>(cols));
    ValueFold fold;
    for (std::int64_t r = 0; r < rows; ++r) {
        values.read((row << level) + r, col << level, read);
        fold.add(read);
    }
    return fold.cell(rows * cols);
}

} // namespace

void joinValues(const MatrixSource &values, std::int64_t firstRow, std::int64_t endRow, std::int64_t firstCol,
                std::int64_t colsPerCell, std::span<PyramidCell> cells) {
    const auto count = static_cast<std::int64_t>(cells.size());
    const std::int64_t width = std::min(values.cols(), firstCol + count * colsPerCell) - firstCol;
    std::vector<float> row(static_cast<std::size_t>(width));
    std::vector<ValueFold> folds(cells.size());
    const auto segment = [&](std::int64_t cell) {
        const std::int64_t begin = cell * colsPerCell;
        return std::span<const float>(row).subspan(
            static_cast<std::size_t>(begin), static_cast<std::size_t>(std::min(colsPerCell, width - begin)));
    };
    for (std::int64_t r = firstRow; r < endRow; ++r) {
        values.read(r, firstCol, row);
        for (std::int64_t cell = 0; cell < count; ++cell)
            folds[static_cast<std::size_t>(cell)].add(segment(cell));
    }
    for (std::int64_t cell = 0; cell < count; ++cell)
        cells[static_cast<std::size_t>(cell)] = folds[static_cast<std::size_t>(cell)].cell(
            (endRow - firstRow) * static_cast<std::int64_t>(segment(cell).size()));
}

Result<TensorPyramid> TensorPyramid::build(std::shared_ptr<const MatrixSource> values,
                                           const RunContext &ctx) {
    TensorPyramid pyramid;
    pyramid.m_values = std::move(values);
    if (pyramid.m_values->size() == 0)
        return pyramid;
    while (pyramid.rowsAt(pyramid.m_levelCount - 1) > 1 || pyramid.colsAt(pyramid.m_levelCount - 1) > 1)
        ++pyramid.m_levelCount;
    for (int level = kFirstStoredLevel; level < pyramid.levels(); ++level) {
        Level next{pyramid.rowsAt(level), pyramid.colsAt(level), {}};
        next.cells.resize(static_cast<std::size_t>(next.rows * next.cols));
        std::atomic<std::int64_t> done{0};
        auto reduceRows = [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t row = begin; row < end; ++row)
                pyramid.reduceRow(level, row,
                                  std::span(next.cells)
                                      .subspan(static_cast<std::size_t>(row * next.cols),
                                               static_cast<std::size_t>(next.cols)));
            if (level == kFirstStoredLevel) // nearly all of the work
                ctx.step(done += end - begin, next.rows, "joining values");
        };
        const std::int64_t valuesPerRow = next.cols << (level == kFirstStoredLevel ? 2 * level : 2);
        QS_CHECK_OK(parallelFor(next.rows, std::max<std::int64_t>(1, kValuesPerBlock / valuesPerRow), ctx,
                                reduceRows));
        pyramid.m_levels.push_back(std::move(next));
    }
    // A matrix that is too small for stored levels never looks.
    if (ctx.cancelled())
        return RunContext::cancelledError();
    return pyramid;
}

void TensorPyramid::reduceRow(int level, std::int64_t row, std::span<PyramidCell> cells) const {
    if (level == kFirstStoredLevel) {
        const std::int64_t firstRow = row << level;
        return joinValues(*m_values, firstRow, firstRow + covered(rows(), row, level), 0,
                          std::int64_t{1} << level, cells);
    }
    // Cells before `whole` cover 2^level x 2^level elements, the others fewer.
    const std::int64_t whole = ((row + 1) << level) <= rows() ? cols() >> level : 0;
    const Level &source = stored(level - 1);
    const PyramidCell *upper = source.cells.data() + 2 * row * source.cols;
    const PyramidCell *lower = upper + source.cols;
    const auto count = static_cast<std::int64_t>(cells.size());
    for (std::int64_t col = 0; col < count; ++col)
        cells[static_cast<std::size_t>(col)] =
            col < whole ? foldQuad(upper[2 * col], upper[2 * col + 1], lower[2 * col], lower[2 * col + 1])
                        : reduceRagged(level, row, col);
}

PyramidCell TensorPyramid::reduceRagged(int level, std::int64_t row, std::int64_t col) const {
    const std::int64_t rowEnd = std::min(rowsAt(level - 1), 2 * row + 2);
    const std::int64_t colEnd = std::min(colsAt(level - 1), 2 * col + 2);
    CellFold fold;
    for (std::int64_t r = 2 * row; r < rowEnd; ++r)
        for (std::int64_t c = 2 * col; c < colEnd; ++c)
            fold.add(cell(level - 1, r, c), covered(rows(), r, level - 1) * covered(cols(), c, level - 1));
    return fold.cell();
}

PyramidCell TensorPyramid::cell(int level, std::int64_t row, std::int64_t col) const {
    QS_DCHECK(level >= 0 && level < levels() && row >= 0 && row < rowsAt(level) && col >= 0 &&
                  col < colsAt(level),
              "a cell must be inside its level");
    if (level < kFirstStoredLevel)
        return joinSmall(*m_values, level, row, col);
    const Level &held = stored(level);
    return held.cells[static_cast<std::size_t>(row * held.cols + col)];
}

std::int64_t TensorPyramid::storedBytes() const {
    std::size_t cells = 0;
    for (const Level &level : m_levels)
        cells += level.cells.size();
    return static_cast<std::int64_t>(cells * sizeof(PyramidCell));
}

} // namespace qs
