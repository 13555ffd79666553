#pragma once

#include "core/analysis/layer_measure.h"

namespace qs {

/// A quantized weight as ONNX keeps it: what DequantizeLinear reads, and what must follow it to get the
/// layer's stored weight back. The value of a code is scale · (code − zeroPoint), as in QuantizedMatrix.
/// \source file_formats 7.1, 7.3, 8.1
struct QdqWeight {
    Tensor codes;               ///< int4, uint4, int8, uint8, int16 or uint16, packed
    Tensor scale;               ///< float32: rank 0 (per tensor), [outChannels], or blocks: the rank of codes
    Tensor zeroPoint;           ///< type of codes, shape of scale
    int axis = 0;               ///< of codes: output channels, or the one that blocks cut
    std::int64_t blockSize = 0; ///< 0 = not blocked
    /// What real zero points differ by from the integer ones, in weight units; not empty: Add comes next. Of
    /// the rank of codes, or, when blocked, with the block axis cut in two: [.., blocks, 1, ..].
    Tensor offset;
    std::vector<std::int64_t> columnSource; ///< not empty: Gather along `axis` with these indices comes next
    bool needsReshape = false;              ///< then Reshape to the layer's weightShape
};

/// Whether the values are those of integers with a scale, kept weights and branch aside; if not, a weight is
/// written as float values.
bool hasIntegerCodes(const QuantizedMatrix &matrix);

/// How a layer's weight is written.
/// \param matrix       hasIntegerCodes(); kept weights and branch are not seen
/// \param signedCodes  for codes of 5 to 16 bits: the signed or the unsigned type, codes and zero points
/// moved to
///                     fit. Not given, and for fewer bits: signed when the zero point can be 0, else
///                     unsigned.
/// \error Unsupported  groups of reordered columns whose sizes differ: says what to choose instead
Result<QdqWeight> encodeWeight(const Layer &layer, const QuantizedMatrix &matrix,
                               std::optional<bool> signedCodes);

/// Weights that are kept beside an integer grid, as ScatterND puts them over a dequantized weight.
struct QdqKept {
    Tensor places; ///< int64 [kept, rank of the stored weight]
    Tensor values; ///< float32 [kept]
};
/// \param matrix  has kept weights
QdqKept encodeKept(const Layer &layer, const QuantizedMatrix &matrix);

/// A static activation grid as QuantizeLinear and DequantizeLinear take it.
struct QdqActivation {
    DType type = DType::Int8; ///< int8, uint8, int16 or uint16
    float scale = 1;
    std::int32_t zeroPoint = 0;
    /// Values are clipped to this first when the grid has fewer codes than the type.
    std::optional<std::pair<float, float>> clip;

    auto operator<=>(const QdqActivation &) const = default;
};
/// \param signedCodes  int8 or int16; codes move by half their range when the scheme counts from 0
QdqActivation encodeActivation(ScaleZero grid, const GridScheme &scheme, bool signedCodes);

/// The two regions of a grid; what goes through both pairs, added, is the quantized activation.
std::pair<QdqActivation, QdqActivation> encodeRegions(const RegionGrid &grid, int bits, bool signedCodes);

/// One integer as a rank 0 tensor of an integer type of 8 or 16 bits.
Tensor integerScalar(std::int32_t value, DType type);

/// A bias on the grid of the integer accumulator: scale = input scale · weight scale, zero point 0.
struct QdqBias {
    Tensor codes; ///< int32 [outChannels]
    Tensor scale; ///< float32, shape of the weight's scale (rank 0 or [outChannels])
};
/// Nothing when a code does not fit int32 or a scale is not a normal number: such a bias stays in float.
/// \param weightScale  rank 0 or [outChannels]
/// \source file_formats 7.4
std::optional<QdqBias> encodeBias(std::span<const float> bias, float inputScale, const Tensor &weightScale);

} // namespace qs
