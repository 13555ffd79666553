#pragma once

#include "core/exec/capture.h"
#include "core/io/hdf5_file.h"
#include "core/io/hdf5_writer.h"
#include "core/quant/quantized_matrix.h"

namespace qs {

// Arrays below one group of a project file.

/// codes (int8, uint8 or int16 [rows, cols]), scales, zero_points, group_of_column where there is one.
Status writeMatrix(Hdf5Writer &writer, const std::string &group, const QuantizedMatrix &matrix);
/// Fills the arrays of a matrix whose sizes are known; the caller validates it.
/// \error CorruptFile  an array has another element type or length
Status readMatrix(const Hdf5File &file, const std::string &group, QuantizedMatrix &matrix);

/// histogram, channel extremes and power, sample. No Hessian.
Status writeLayerCapture(Hdf5Writer &writer, const std::string &group, const LayerCapture &capture);
/// Fills the arrays of a capture; its histogram must have its range already.
/// \error CorruptFile  an array does not fit the number of channels
Status readLayerCapture(const Hdf5File &file, const std::string &group, LayerCapture &capture);
/// Bytes that writeLayerCapture stores, before compression.
std::int64_t storedBytes(const LayerCapture &capture);

} // namespace qs
