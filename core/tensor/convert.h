#pragma once

#include "core/tensor/tensor.h"

namespace qs {

/// Decodes one float16 (IEEE binary16) or bfloat16 bit pattern.
float float16ToFloat(std::uint16_t bits);
float bfloat16ToFloat(std::uint16_t bits);
/// Encodes with round-half-to-even; overflow becomes infinity, NaN stays NaN.
std::uint16_t floatToFloat16(float value);
std::uint16_t floatToBFloat16(float value);

/// Any numeric tensor as float32 of the same shape; float32 is returned as is, without a copy.
/// Sub-byte and 8-bit float types are decoded exactly, integers beyond 2^24 are rounded.
/// \error Unsupported  string or complex elements
Result<Tensor> toFloat32(const Tensor &tensor);

/// Converts between element types as ONNX Cast does: float to integer truncates toward zero, to bool tests
/// for non-zero, to 8-bit floats saturates. \error Unsupported  string, complex or sub-byte destination
Result<Tensor> castTensor(const Tensor &tensor, DType type);

/// The elements of an integer tensor (any width, bool) as int64.
/// \error InvalidArgument  not an integer tensor
Result<std::vector<std::int64_t>> toInt64Vector(const Tensor &tensor);

} // namespace qs
