#pragma once

#include "core/base/run_context.h"
#include "core/tensor/matrix_source.h"

#include <vector>

namespace qs {

/// Magnitudes of a matrix, reduced so that the largest of every block is kept: no outlier is lost.
struct PooledMagnitudes {
    std::int64_t srcRows = 0, srcCols = 0;
    std::int64_t rowsPerPoint = 1, colsPerPoint = 1; ///< blocks at the end may be smaller
    std::int64_t rows = 0, cols = 0;                 ///< of points
    std::vector<float> values;           ///< [rows, cols]: largest |value|; NaN where there is one
    std::vector<std::int64_t> positions; ///< [rows, cols]: row · srcCols + col of that element
    float highest = 0;                   ///< of the finite ones
    std::int64_t notFinite = 0;          ///< elements of the matrix

    bool isReduced() const { return rowsPerPoint > 1 || colsPerPoint > 1; }
    std::size_t index(std::int64_t row, std::int64_t col) const {
        return static_cast<std::size_t>(row * cols + col);
    }
};

/// \param values    any size; its magnitudes are pooled
/// \param mostRows, mostCols  points at most, > 0
/// \error Cancelled
/// \thread parallel over rows of points; the result does not depend on the thread count
Result<PooledMagnitudes> poolMagnitudes(const MatrixSource &values, std::int64_t mostRows,
                                        std::int64_t mostCols, const RunContext &ctx);

} // namespace qs
