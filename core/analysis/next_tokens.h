#pragma once

#include "core/exec/executor.h"

#include <optional>

namespace qs {

/// Index of the input whose tokens an output predicts, each from those before it; nullopt when the
/// model is no causal language model: an encoder or a tagger has a perplexity of nothing. Outputs must be
/// logits [samples, positions, classes] over tokens int64 or int32 [samples, positions], no embedding may
/// have more rows than there are classes, and other tokens at the last position must leave the logits before
/// it alone, which is tried with one pass.
/// \param logits  the output of that index for these inputs, float32  \error as Executor::run()
Result<std::optional<std::size_t>> predictedInput(const Executor &executor, const std::vector<Tensor> &inputs,
                                                  const Tensor &logits, std::size_t output,
                                                  const RunContext &ctx);

/// The tokens of that input as targets, int64; -1, which is none, where an input of the same shape whose name
/// tells of a mask is 0: padding.
Result<Tensor> targetTokens(const ModelGraph &graph, const std::vector<Tensor> &inputs, std::size_t index);

} // namespace qs
