#pragma once

#include "core/graph/layer.h"
#include "core/metrics/error_metrics.h"
#include "core/quant/quantized_matrix.h"
#include "core/tensor/matrix_view.h"

namespace qs {

/// Which connection of the network one element of a weight matrix is.
struct WeightPlace {
    std::int64_t row = 0;             ///< output channel; of embeddings the entry
    std::int64_t col = 0;             ///< column of the matrix [outChannels, inPerOut]
    std::int64_t inputChannel = 0;    ///< of the activation that is multiplied; of embeddings the column
    std::vector<std::int64_t> kernel; ///< convolutions: {ky, kx}, or as many as the kernel has axes
    std::int64_t matrixIndex = 0;     ///< row · inPerOut + col
    std::vector<std::int64_t> storedPosition; ///< index into the tensor as the model stores it
    std::int64_t storedIndex = 0;             ///< the same, flat
};
WeightPlace placeOfWeight(const Layer &layer, std::int64_t row, std::int64_t col);

/// What one element became.
struct QuantizedCell {
    std::int32_t code = 0;
    std::string bits; ///< of the code, highest first; two's complement when codes are signed
    ScaleZero grid;
    float dequantized = 0;
    double error = 0;        ///< dequantized − value
    double errorInSteps = 0; ///< error / scale
    bool isClipped = false;  ///< the code is the last one on its side and the value lies beyond it
    bool hasOriginal = true; ///< false: the value is the dequantized code, so the errors say nothing
};

/// The elements that share a scale with the inspected one; without quantization, its row.
struct BlockFacts {
    std::int64_t slice = -1; ///< index into scales; -1 = not quantized
    std::int64_t group = -1; ///< within the row; -1 unless the granularity is per group
    std::int64_t firstRow = 0, endRow = 0, firstCol = 0, endCol = 0; ///< that hold the block
    bool isScattered = false;              ///< columns of other groups lie in between
    std::int64_t count = 0, notFinite = 0; ///< elements, and how many of them are NaN or Inf
    double min = 0, max = 0, mean = 0;     ///< of the finite values
    std::optional<ErrorMetrics> error;     ///< value against dequantized
};

/// Everything about one element of a layer's weight.
struct CellInspection {
    WeightPlace place;
    float value = 0;
    std::optional<QuantizedCell> quantized;
    BlockFacts block;

    /// For codes that came with the model: takes the errors away.
    void forgetErrors();
};

/// \param weights  float32 [outChannels, inPerOut] of the layer
/// \param matrix   of the same size; null: the layer is not quantized
/// \error InvalidArgument  the layer has no such row or column; names the sizes
/// \error Cancelled        blocks may be as large as the tensor
Result<CellInspection> inspectCell(const Layer &layer, MatrixView<const float> weights,
                                   const QuantizedMatrix *matrix, std::int64_t row, std::int64_t col,
                                   const RunContext &ctx);

/// The cells of largest |dequantized − value|, worst first; equal ones in row-major order.
/// \error Cancelled
Result<std::vector<std::pair<std::int64_t, std::int64_t>>> worstCells(MatrixView<const float> weights,
                                                                      const QuantizedMatrix &matrix,
                                                                      std::size_t count,
                                                                      const RunContext &ctx);

} // namespace qs
