#include "core/io/architectures/attention_modules.h"
#include "core/io/architectures/families.h"

#include <fmt/format.h>

namespace qs {
namespace {

constexpr double kEpsilon = 1e-5;
constexpr std::int64_t kOffset = 2; ///< the first two rows of the table of positions belong to padding

using Bias = GraphWriter::Bias;

struct OptConfig {
    std::int64_t hidden, inner, blocks, heads, positions, vocabulary, embedding;
    std::string activation;
    bool normBefore, finalNorm;
    Bias bias;
};

OptConfig readConfig(ConfigReader &reader) {
    using namespace config_limits;
    OptConfig config{};
    config.hidden = reader.count("hidden_size", kMostWidth);
    config.inner = reader.count("ffn_dim", kMostWidth);
    config.blocks = reader.count("num_hidden_layers", kMostBlocks);
    config.heads = reader.count("num_attention_heads", kMostHeads);
    config.positions = reader.count("max_position_embeddings", kMostPositions, 2048);
    config.vocabulary = reader.count("vocab_size", kMostRows);
    config.embedding = reader.count("word_embed_proj_dim", kMostWidth, config.hidden);
    config.activation = reader.text("activation_function", "relu");
    config.normBefore = reader.flag("do_layer_norm_before", true);
    config.finalNorm = config.normBefore && !reader.flag("_remove_final_layer_norm", false);
    config.bias = reader.flag("enable_bias", true) ? Bias::Yes : Bias::No;
    if (config.hidden % config.heads != 0)
        reader.complain("num_attention_heads", "must divide hidden_size.");
    if (!reader.flag("layer_norm_elementwise_affine", true))
        reader.complain("layer_norm_elementwise_affine", "is false: norms without gains are not known here.");
    return config;
}

ValueId writeAttention(GraphWriter &graph, const OptConfig &config, const std::string &module, ValueId x,
                       ValueId mask) {
    const AttentionShape shape{config.heads, config.heads, config.hidden / config.heads};
    const auto heads = [&](const char *part) {
        const ValueId projected = graph.linear(fmt::format("{}.{}_proj", module, part), x, config.hidden,
                                               config.hidden, config.bias);
        return splitHeads(graph, module, projected, shape.heads, shape.width);
    };
    const ValueId query = heads("q"), key = heads("k"), value = heads("v");
    const ValueId seen = attend(graph, module, shape, query, key, value, mask);
    return graph.linear(module + ".out_proj", seen, config.hidden, config.hidden, config.bias);
}

ValueId writeBlock(GraphWriter &graph, const OptConfig &config, const std::string &module, ValueId x,
                   ValueId mask) {
    const auto norm = [&](const char *part, ValueId value, bool here) {
        return here ? graph.layerNorm(module + part, value, config.hidden, kEpsilon) : value;
    };
    const bool before = config.normBefore;
    const ValueId seen =
        writeAttention(graph, config, module + ".self_attn", norm(".self_attn_layer_norm", x, before), mask);
    x = norm(".self_attn_layer_norm", graph.add(module, x, seen), !before);
    const ValueId inner = graph.linear(module + ".fc1", norm(".final_layer_norm", x, before), config.hidden,
                                       config.inner, config.bias);
    const ValueId active = graph.activation(module + ".activation_fn", config.activation, inner);
    const ValueId outer = graph.linear(module + ".fc2", active, config.inner, config.hidden, config.bias);
    return norm(".final_layer_norm", graph.add(module, x, outer), !before);
}

} // namespace

Result<ModelGraph> buildOpt(const std::string &name, ConfigReader &reader, const TensorLookup &lookup,
                            FindingList &findings, const RunContext &ctx) {
    const OptConfig config = readConfig(reader);
    if (reader.problem())
        return fail(*reader.problem());
    noteShortTables(config.positions, name, findings);
    GraphWriter graph(name, lookup, ctx);
    const ValueId ids = graph.input("input_ids", DType::Int64, {"batch", "sequence"});
    const SequenceTables tables(graph, ids);
    const std::int64_t positions = std::min(config.positions, kTablePositions), rows = config.vocabulary;
    const bool projects = config.embedding != config.hidden;
    const ValueId mask = tables.causalMask(positions, 0);
    ValueId x = graph.embedding("embed_tokens", ids, rows, config.embedding);
    if (projects)
        x = graph.linear("project_in", x, config.embedding, config.hidden, Bias::No);
    x = graph.add("", x,
                  graph.embedding("embed_positions", tables.positionIds(positions, kOffset),
                                  config.positions + kOffset, config.hidden));
    for (std::int64_t block = 0; block < config.blocks; ++block)
        x = writeBlock(graph, config, fmt::format("layers.{}", block), x, mask);
    if (config.finalNorm)
        x = graph.layerNorm("final_layer_norm", x, config.hidden, kEpsilon);
    if (projects)
        x = graph.linear("project_out", x, config.hidden, config.embedding, Bias::No);
    const ValueId logits = graph.has("lm_head.weight")
                               ? graph.linear("lm_head", x, config.embedding, rows, Bias::No)
                               : graph.tiedHead("lm_head", x, "embed_tokens.weight", config.embedding, rows);
    graph.output("logits", logits, {"batch", "sequence", std::to_string(rows)});
    return std::move(graph).finish();
}

} // namespace qs
