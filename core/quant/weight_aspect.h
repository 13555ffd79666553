#pragma once

#include "core/quant/quantized_matrix.h"
#include "core/tensor/matrix_source.h"

namespace qs {

/// What there is to see of a layer's weight.
enum class WeightAspect {
    Weight,      ///< the float values
    Codes,       ///< the integers that stand for them
    Dequantized, ///< the values of the codes
    Error,       ///< dequantized − weight
};

std::string_view weightAspectName(WeightAspect aspect); ///< "weight", "codes", "dequantized", "error"
/// \error InvalidArgument  names the four
Result<WeightAspect> weightAspectFromName(std::string_view name);

/// The aspect as a matrix that is computed while it is read; both arguments are shared, not copied.
/// \param weights  float32 [rows, cols]
/// \param matrix   of the same size; may be null for WeightAspect::Weight
std::shared_ptr<const MatrixSource> aspectSource(WeightAspect aspect, Tensor weights,
                                                 std::shared_ptr<const QuantizedMatrix> matrix);

} // namespace qs
