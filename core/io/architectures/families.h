#pragma once

#include "core/base/finding.h"
#include "core/hardware/config_reader.h"
#include "core/io/architectures/graph_writer.h"

namespace qs {

// One builder for each family of networks, called with a config.json of its own and parameters by their names
// in file_formats 4 without the family's prefix. \error as buildLlama()

/// GPT-2: input_ids → logits. \source file_formats 4.2
Result<ModelGraph> buildGpt2(const std::string &name, ConfigReader &reader, const TensorLookup &lookup,
                             FindingList &findings, const RunContext &ctx);
/// OPT: input_ids → logits. \source file_formats 4.3
Result<ModelGraph> buildOpt(const std::string &name, ConfigReader &reader, const TensorLookup &lookup,
                            FindingList &findings, const RunContext &ctx);
/// BERT: input_ids → logits of the head that the checkpoint has, else last_hidden_state. All token types are
/// 0 and no token is padding. \source file_formats 4.4
Result<ModelGraph> buildBert(const std::string &name, ConfigReader &reader, const TensorLookup &lookup,
                             FindingList &findings, const RunContext &ctx);
/// ViT and DeiT: pixel_values, normalised as the model wants them → logits, else last_hidden_state.
/// \source file_formats 4.5
Result<ModelGraph> buildVit(const std::string &name, ConfigReader &reader, const TensorLookup &lookup,
                            FindingList &findings, const RunContext &ctx);

/// An encoder block of BERT (norms behind) or ViT (norms before).
struct EncoderBlock {
    std::int64_t hidden = 0, inner = 0, heads = 0;
    double epsilon = 1e-12;
    std::string activation = "gelu";
    bool qkvBias = true;
};
/// Reads hidden_size, intermediate_size, num_attention_heads, hidden_act and layer_norm_eps.
EncoderBlock readEncoderBlock(ConfigReader &reader);
/// \param names  modules of query, key and value; of the norms, attention first
struct EncoderNames {
    std::string projections, firstNorm, secondNorm;
    bool normBefore = false;
};
ValueId writeEncoderBlock(GraphWriter &graph, const EncoderBlock &block, const EncoderNames &names,
                          const std::string &module, ValueId x);

/// Tells that the tables of a graph are shorter than the positions of the model.
void noteShortTables(std::int64_t positions, const std::string &name, FindingList &findings);

} // namespace qs
