#pragma once

#include "core/base/run_context.h"
#include "core/tensor/matrix_source.h"

#include <vector>

namespace qs {

/// One cell of a reduced map.
struct PyramidCell {
    float min = 0;
    float max = 0;
    float mean = 0;
};

/// Joins values straight from the matrix: cell i covers rows [firstRow, endRow) and colsPerCell columns from
/// firstCol + i · colsPerCell on, as far as there are any. NaN values make a NaN cell. Every cell must cover
/// at least one element.
void joinValues(const MatrixSource &values, std::int64_t firstRow, std::int64_t endRow, std::int64_t firstCol,
                std::int64_t colsPerCell, std::span<PyramidCell> cells);

/// Min/max/mean levels of a matrix, each half the size of the one below, so that a zoomed-out map still shows
/// every outlier. Level 0 is the matrix itself, the top level one cell. The lowest levels are as large as the
/// matrix and quickly made: they are computed when they are asked for, and the others take a quarter of a
/// byte per element.
class TensorPyramid {
public:
    static constexpr int kFirstStoredLevel = 3;

    /// \param values  NaN cells make NaN parents.
    /// \error  Cancelled
    /// \thread parallel over rows; the result does not depend on the thread count
    static Result<TensorPyramid> build(std::shared_ptr<const MatrixSource> values, const RunContext &ctx);

    std::int64_t rows() const { return m_values->rows(); }
    std::int64_t cols() const { return m_values->cols(); }
    int levels() const { return m_levelCount; }
    std::int64_t rowsAt(int level) const { return (rows() + (std::int64_t{1} << level) - 1) >> level; }
    std::int64_t colsAt(int level) const { return (cols() + (std::int64_t{1} << level) - 1) >> level; }
    /// The cell that covers elements [row·2^level, (row+1)·2^level) x the same of columns; the mean counts
    /// each once.
    PyramidCell cell(int level, std::int64_t row, std::int64_t col) const;
    std::int64_t storedBytes() const; ///< of the levels; the values are the source's

private:
    struct Level {
        std::int64_t rows = 0, cols = 0;
        std::vector<PyramidCell> cells;
    };
    const Level &stored(int level) const {
        return m_levels[static_cast<std::size_t>(level - kFirstStoredLevel)];
    }
    void reduceRow(int level, std::int64_t row, std::span<PyramidCell> cells) const;
    PyramidCell reduceRagged(int level, std::int64_t row, std::int64_t col) const;

    std::shared_ptr<const MatrixSource> m_values;
    int m_levelCount = 1;
    std::vector<Level> m_levels; ///< from kFirstStoredLevel on
};

} // namespace qs
