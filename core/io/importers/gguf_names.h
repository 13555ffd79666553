#pragma once

#include "core/tensor/tensor.h"

#include <string>

namespace qs {

/// The name in a GGUF file of a parameter of a LLaMA-like network: "layers.3.self_attn.q_proj.weight" is
/// "blk.3.attn_q.weight". Empty when it has none. \see LlamaConfig for the names \source file_formats 3.5
std::string ggufTensorName(const std::string &parameter);

/// Whether files of the architecture llama hold the rows of this parameter as neighbouring pairs: those of
/// queries and keys.
bool turnsInPairs(const std::string &parameter);

/// Rows of queries or keys from neighbouring pairs, row 2 m + j of a head, to halves, row m + j · width / 2.
/// \param tensor  of any type whose rows are whole bytes; heads of `width` rows, an even number
Tensor rowsOfHalves(const Tensor &tensor, std::int64_t width);
/// The way back.
Tensor rowsOfPairs(const Tensor &tensor, std::int64_t width);

} // namespace qs
