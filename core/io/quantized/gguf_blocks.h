#pragma once

#include "core/io/quantized/weight_grid.h"
#include "core/tensor/tensor.h"

namespace qs {

/// The codes and scales of a weight in a block format of ggml, as the file has them: a slice is a sub-block,
/// a minimum its real zero point.
/// \param weight  [outChannels, inPerOut], of a block type that can be decoded
/// \error Unsupported  TQ1_0, whose codes take no whole number of bits;  CorruptFile  scales that are NaN or
/// infinite \source file_formats 13
Result<WeightGrid> readBlocks(const Tensor &weight);

} // namespace qs
