#pragma once

#include "core/base/finding.h"
#include "core/io/architectures/graph_writer.h"
#include "core/io/architectures/rotary.h"

namespace qs {

/// A decoder of the LLaMA family (LLaMA, Mistral, Qwen2, Qwen3): RMSNorm, rotary positions, grouped queries,
/// gated MLP. \source file_formats 4.1
struct LlamaConfig {
    std::int64_t hidden = 0, intermediate = 0, blocks = 0, vocabulary = 0;
    std::int64_t heads = 0, kvHeads = 0, headWidth = 0; ///< heads · headWidth may differ from hidden
    std::int64_t positions = 0;                         ///< longest sequence that the model was made for
    double normEpsilon = 1e-6;
    std::string activation = "silu";
    RotaryConfig rotary;
    bool qkvBias = false, outputBias = false, mlpBias = false;
    bool queryKeyNorm = false; ///< RMSNorm over each head of queries and keys, before they turn (Qwen3)
    std::vector<std::int64_t>
        windows; ///< keys that a query of each block sees, 0 = all; empty = all in all blocks
};

/// Reads a config.json; what is wrong or not known here is complained about in the reader.
LlamaConfig readLlamaConfig(ConfigReader &reader);

/// The runnable graph: input_ids int64 [batch, sequence] → logits [batch, sequence, vocabulary].
///
/// \param lookup  parameters by these names, [outputs, inputs] as Hugging Face stores them, of any float
/// type:
///        embed_tokens.weight, layers.N.input_layernorm.weight, layers.N.self_attn.{q,k,v,o}_proj.weight (and
///        .bias), layers.N.self_attn.{q,k}_norm.weight, layers.N.post_attention_layernorm.weight,
///        layers.N.mlp.{gate,up,down}_proj.weight (and .bias), norm.weight, lm_head.weight. Without
///        lm_head.weight the embedding is the head. The rows of q_proj and k_proj are in the order of "rotate
///        half": files whose pairs are neighbours (GGUF of architecture llama) must permute them first.
/// \param findings  told when the tables of the graph are shorter than the model's positions
/// \error NotFound  a parameter is missing;  CorruptFile  one has another shape;  Unsupported;  Cancelled
Result<ModelGraph> buildLlama(const std::string &name, const LlamaConfig &config, const TensorLookup &lookup,
                              FindingList &findings, const RunContext &ctx);

} // namespace qs
