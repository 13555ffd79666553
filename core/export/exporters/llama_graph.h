#pragma once

#include "core/graph/model.h"
#include "core/io/architectures/llama.h"

namespace qs {

/// The name that LlamaConfig's graph has for a layer, of a model that an exporter of another program named:
/// "model.layers.0.mlp.up_proj" is "layers.0.mlp.up_proj".
std::string llamaModule(const std::string &layer);

/// The settings of a LLaMA-like network, read off its graph: sizes from its layers, the width of heads and
/// the base of the rotation from the constants that turn positions, epsilon from its norms. What a graph does
/// not say in one of the known ways is not guessed; whoever uses the settings compares what the network
/// computes. \error Unsupported  says what was not found
Result<LlamaConfig> readLlamaGraph(const Model &model);

} // namespace qs
