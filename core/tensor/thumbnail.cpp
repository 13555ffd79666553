#include "core/tensor/thumbnail.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

/// The cell on which entry `index` of `count` falls.
std::int64_t cellOf(std::int64_t index, std::int64_t count, std::int64_t cells) {
    return index * cells / count;
}

} // namespace

Tensor thumbnail(MatrixView<const float> values, std::int64_t side) {
    const std::int64_t rows = std::min(values.rows, side), cols = std::min(values.cols, side);
    Tensor small = Tensor::zeros(DType::Float32, {rows, cols});
    float *cells = small.mutableValues<float>().data();
    for (std::int64_t row = 0; row < values.rows; ++row) {
        float *line = cells + cellOf(row, values.rows, rows) * cols;
        const auto source = values.row(row);
        for (std::int64_t col = 0; col < values.cols; ++col) {
            float &cell = line[cellOf(col, values.cols, cols)];
            const float value = source[static_cast<std::size_t>(col)];
            if (std::isnan(value) || std::abs(value) > std::abs(cell))
                cell = value;
        }
    }
    return small;
}

} // namespace qs
