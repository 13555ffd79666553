#pragma once

#include "core/base/run_context.h"
#include "core/tensor/matrix_view.h"

#include <memory>
#include <vector>

namespace qs {

/// One cell of a reduced map.
struct PyramidCell {
    float min = 0;
    float max = 0;
    float mean = 0;
};

/// Min/max/mean levels of a matrix, each half the size of the one below, so that a zoomed-out map still shows
/// every outlier. Level 0 is the matrix itself and is not stored; the top level is one cell.
class TensorPyramid {
public:
    /// \param values  [rows, cols]; must outlive the pyramid. NaN cells make NaN parents.
    /// \error  Cancelled
    /// \thread parallel over rows; the result does not depend on the thread count
    static Result<TensorPyramid> build(MatrixView<const float> values, const RunContext &ctx);

    std::int64_t rows() const { return m_values.rows; }
    std::int64_t cols() const { return m_values.cols; }
    int levels() const { return static_cast<int>(m_levels.size()) + 1; }
    std::int64_t rowsAt(int level) const;
    std::int64_t colsAt(int level) const;
    /// The cell that covers elements [row·2^level, (row+1)·2^level) x the same of columns; the mean counts
    /// each once.
    PyramidCell cell(int level, std::int64_t row, std::int64_t col) const;

private:
    void reduceRow(int level, std::int64_t row, PyramidCell *cells, std::int64_t count) const;
    PyramidCell reduceRagged(int level, std::int64_t row, std::int64_t col) const;

    struct Level {
        std::int64_t rows = 0, cols = 0;
        std::vector<PyramidCell> cells;
    };
    MatrixView<const float> m_values;
    std::vector<Level> m_levels;
};

} // namespace qs
