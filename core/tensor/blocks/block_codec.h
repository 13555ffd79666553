#pragma once

#include "core/base/run_context.h"
#include "core/tensor/blocks/block_parts.h"
#include "core/tensor/matrix_view.h"
#include "core/tensor/tensor.h"

#include <vector>

namespace qs {

/// Values of consecutive blocks, to the bit as ggml gives them. \param type  decodable
/// \param blocks  whole blocks  \param values  one element of room for each of theirs
void decodeBlocks(BlockType type, std::span<const std::byte> blocks, std::span<float> values);

/// A block-quantized tensor as float32 of the same shape. \thread parallel over blocks
/// \error Unsupported  the codes point into a table that this program does not have; names the format
Result<Tensor> decodeBlocks(const Tensor &tensor);

/// Whether encodeBlocks() knows the format: all that can be decoded but for Q8_1, Q8_K and NVFP4.
bool canEncode(BlockType type);

/// Quantizes the rows of a matrix, byte for byte as ggml does without an importance matrix.
/// \param values  float32 [rows, cols]; blocks must divide cols
/// \return uint8 blocks, row after row
/// \error InvalidArgument  cols are no whole blocks; a value is not finite or beyond float16 (names its
/// place) \error Unsupported      canEncode() says no;  Cancelled \thread parallel over rows \source
/// file_formats 13
Result<std::vector<std::byte>> encodeBlocks(BlockType type, MatrixView<const float> values,
                                            const RunContext &ctx);

} // namespace qs
