#pragma once

#include "core/graph/layer.h"
#include "core/tensor/tensor_scan.h"

namespace qs {

/// The values of one layer's weight, read where they lie: of tensors as safetensors files store them no
/// float32 copy is made. A weight that is stored transposed, a difference of two checkpoints and elements of
/// less than a byte are decoded as a whole when rows are asked for. Immutable. \thread safe
class WeightValues {
public:
    /// \error Unsupported  element type that has no float value
    static Result<WeightValues> open(const Layer &layer, const ModelGraph &graph);

    std::int64_t rows() const { return m_rows; }
    std::int64_t cols() const { return m_cols; }
    /// Whether read() costs no more than the rows asked for.
    bool isDirect() const { return m_isDirect; }
    /// Statistics and bins of all values. \error Cancelled
    Result<TensorScan> scan(const TensorScan::Early &early, const RunContext &ctx) const;
    /// Rows [first, first + count) of the matrix as float32 [count, cols].
    Result<Tensor> read(std::int64_t first, std::int64_t count) const;
    /// [rows] largest finite |w| of each row, and how many rows are zero throughout. \error Cancelled
    struct Magnitudes {
        std::vector<float> largest;
        std::int64_t zeroRows = 0;
    };
    Result<Magnitudes> magnitudes(const RunContext &ctx) const;

private:
    Tensor m_values; ///< as stored where that is the matrix, or its transpose; else float32 [rows, cols]
    std::int64_t m_rows = 0, m_cols = 0;
    bool m_isTransposed = false, m_isDirect = false;
};

} // namespace qs
