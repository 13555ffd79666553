#pragma once

#include "core/graph/layer.h"
#include "core/quant/quantized_matrix.h"

namespace qs {

/// Codes and scales of a weight in the shape in which a file holds them. Every format that is read becomes
/// one of these; what makes values and a QuantizedMatrix of it is common to all.
///
/// The value of an element is scale · (code − zeroPoint), or scale · level of the code. Along each axis
/// `block` neighbours share a scale: all of them, one, or some.
struct WeightGrid {
    Shape shape;
    /// The shape is [outChannels, inPerOut] of the layer, however the graph lays its weight out.
    bool rowsFirst = false;
    int bits = 8;
    bool isSigned = false;
    std::vector<std::int32_t> codes;      ///< [shape]
    std::vector<std::int64_t> block;      ///< one an axis, 1 to its size
    std::vector<float> scales;            ///< [slices()]
    std::vector<std::int32_t> zeroPoints; ///< [slices()] or empty: 0
    std::vector<float> realZeroPoints;    ///< [slices()], in place of zeroPoints, or empty
    std::vector<float> levels;            ///< [2^bits] or empty: codes are their own levels
    /// Place along `groupAxis` in the grid of scales of every index of that axis, where it is not index /
    /// block (act-order); or empty.
    std::vector<std::int32_t> groupOfIndex;
    int groupAxis = 1;
    std::vector<std::pair<std::int64_t, float>> kept; ///< flat index and value; ascending
    double scaleBits = 32;                            ///< that a scale takes in the file
    double zeroPointBits = 0;                         ///< … a zero point; 0 when none are stored
    Tensor blocks{};  ///< the same in a block type of ggml, when that is what the file has; else empty
    std::string form; ///< the operator or method that reads it: "DequantizeLinear", "GPTQ"

    Shape slices() const; ///< shape of the scales: shape / block, rounded up
    /// Everything that must hold; says what does not, as a text without a place.
    Status check() const;
    /// float32 [shape]. The grid is one that check() accepts.
    Tensor values() const;
    /// The two axes exchanged. Only for two axes.
    WeightGrid transposed() const;
    /// "MatMulNBits, uint4, blocks of 32".
    std::string text() const;
};

/// The grid as the matrix [outChannels, inPerOut] of its layer. Codes stay as they are stored, but signed
/// codes with a zero point other than 0 move by half their range, because asymmetric codes count from 0 here.
/// Zero points that are no code (GPTQ has them) become real ones. Scales that rows share are repeated; the
/// bits of a slice then say what the file spends. \error Unsupported  codes of more than 15 bits or of one,
/// or a grid that does not lie along rows and columns
Result<QuantizedMatrix> matrixOf(const WeightGrid &grid, const Layer &layer);

/// The elements of an integer tensor as codes. \error Unsupported  no integers of up to 32 bits
Result<std::vector<std::int32_t>> integerCodes(const Tensor &tensor);

} // namespace qs
