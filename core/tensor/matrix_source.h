#pragma once

#include "core/tensor/matrix_view.h"
#include "core/tensor/tensor.h"

#include <memory>

namespace qs {

/// A matrix of float values that may be computed while they are read: a map of 16k × 16k dequantized values
/// needs no copy of them. Immutable. \thread safe
class MatrixSource {
public:
    virtual ~MatrixSource() = default;
    std::int64_t rows() const { return m_rows; }
    std::int64_t cols() const { return m_cols; }
    std::int64_t size() const { return m_rows * m_cols; }
    /// Values of a row from column `col` on, as many as `dst` holds; all of them must exist.
    virtual void read(std::int64_t row, std::int64_t col, std::span<float> dst) const = 0;
    float value(std::int64_t row, std::int64_t col) const {
        float value;
        read(row, col, {&value, 1});
        return value;
    }

protected:
    MatrixSource(std::int64_t rows, std::int64_t cols) : m_rows(rows), m_cols(cols) {}

private:
    std::int64_t m_rows, m_cols;
};

/// \param values  float32 [rows, cols]; shared, not copied
std::shared_ptr<const MatrixSource> matrixSource(Tensor values);
/// \param values  must outlive the source
std::shared_ptr<const MatrixSource> matrixSource(MatrixView<const float> values);
/// |values|
std::shared_ptr<const MatrixSource> magnitudeSource(std::shared_ptr<const MatrixSource> values);

} // namespace qs
