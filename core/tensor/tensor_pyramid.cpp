#include "core/tensor/tensor_pyramid.h"

#include "core/base/check.h"
#include "core/base/parallel.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qs {
namespace {

constexpr std::int64_t kCellsPerBlock = 32768;

std::int64_t halved(std::int64_t size) {
    return (size + 1) / 2;
}

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
        constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
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
        constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
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

} // namespace

Result<TensorPyramid> TensorPyramid::build(MatrixView<const float> values, const RunContext &ctx) {
    TensorPyramid pyramid;
    pyramid.m_values = values;
    if (values.size() == 0)
        return pyramid;
    for (int level = 1; pyramid.rowsAt(level - 1) > 1 || pyramid.colsAt(level - 1) > 1; ++level) {
        Level next;
        next.rows = halved(pyramid.rowsAt(level - 1));
        next.cols = halved(pyramid.colsAt(level - 1));
        next.cells.resize(static_cast<std::size_t>(next.rows * next.cols));
        auto reduceRows = [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t row = begin; row < end; ++row)
                pyramid.reduceRow(level, row, next.cells.data() + row * next.cols, next.cols);
        };
        QS_CHECK_OK(
            parallelFor(next.rows, std::max<std::int64_t>(1, kCellsPerBlock / next.cols), ctx, reduceRows));
        pyramid.m_levels.push_back(std::move(next));
    }
    return pyramid;
}

void TensorPyramid::reduceRow(int level, std::int64_t row, PyramidCell *cells, std::int64_t count) const {
    // Cells before `whole` cover 2^level x 2^level elements, the others fewer.
    const std::int64_t whole = ((row + 1) << level) <= rows() ? cols() >> level : 0;
    auto foldWhole = [&](auto upper, auto lower) {
        for (std::int64_t col = 0; col < whole; ++col)
            cells[col] = foldQuad(upper(2 * col), upper(2 * col + 1), lower(2 * col), lower(2 * col + 1));
    };
    if (whole > 0 && level == 1) {
        auto cellsOf = [](const float *values) {
            return [values](std::int64_t col) { return PyramidCell{values[col], values[col], values[col]}; };
        };
        const float *upper = m_values.data + 2 * row * m_values.cols;
        foldWhole(cellsOf(upper), cellsOf(upper + m_values.cols));
    } else if (whole > 0) {
        auto cellsOf = [](const PyramidCell *stored) {
            return [stored](std::int64_t col) { return stored[col]; };
        };
        const Level &source = m_levels[static_cast<std::size_t>(level - 2)];
        const PyramidCell *upper = source.cells.data() + 2 * row * source.cols;
        foldWhole(cellsOf(upper), cellsOf(upper + source.cols));
    }
    for (std::int64_t col = whole; col < count; ++col)
        cells[col] = reduceRagged(level, row, col);
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

std::int64_t TensorPyramid::rowsAt(int level) const {
    return level == 0 ? m_values.rows : m_levels[static_cast<std::size_t>(level - 1)].rows;
}

std::int64_t TensorPyramid::colsAt(int level) const {
    return level == 0 ? m_values.cols : m_levels[static_cast<std::size_t>(level - 1)].cols;
}

PyramidCell TensorPyramid::cell(int level, std::int64_t row, std::int64_t col) const {
    QS_DCHECK(level >= 0 && level < levels() && row >= 0 && row < rowsAt(level) && col >= 0 &&
                  col < colsAt(level),
              "a cell must be inside its level");
    if (level == 0) {
        const float value = m_values(row, col);
        return {value, value, value};
    }
    const Level &stored = m_levels[static_cast<std::size_t>(level - 1)];
    return stored.cells[static_cast<std::size_t>(row * stored.cols + col)];
}

} // namespace qs
