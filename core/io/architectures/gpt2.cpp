#include "core/io/architectures/attention_modules.h"
#include "core/io/architectures/families.h"

#include <fmt/format.h>

namespace qs {
namespace {

struct Gpt2Config {
    std::int64_t hidden, inner, blocks, heads, positions, vocabulary;
    double epsilon;
    std::string activation;
};

Gpt2Config readConfig(ConfigReader &reader) {
    using namespace config_limits;
    Gpt2Config config{};
    config.hidden = reader.count("n_embd", kMostWidth);
    config.inner = reader.count("n_inner", kMostWidth, 4 * config.hidden);
    config.blocks = reader.count("n_layer", kMostBlocks);
    config.heads = reader.count("n_head", kMostHeads);
    config.positions = reader.count("n_positions", kMostPositions, 1024);
    config.vocabulary = reader.count("vocab_size", kMostRows);
    config.epsilon = reader.real("layer_norm_epsilon", 0, 1, 1e-5);
    config.activation = reader.text("activation_function", "gelu_new");
    if (config.hidden % config.heads != 0)
        reader.complain("n_head", "must divide n_embd.");
    if (!reader.flag("scale_attn_weights", true))
        reader.complain("scale_attn_weights", "is false: attention without a scale is not known here.");
    for (const char *field : {"scale_attn_by_inverse_layer_idx", "add_cross_attention"})
        if (reader.flag(field, false))
            reader.complain(field, "is true, which is not known here.");
    return config;
}

/// GPT-2 stores its linear layers as [in, out].
ValueId conv1d(GraphWriter &graph, const std::string &module, ValueId x, std::int64_t in, std::int64_t out) {
    const ValueId product =
        graph.op(module, "MatMul", {x, graph.parameter(module + ".weight", Shape{in, out})});
    return graph.add(module, graph.parameter(module + ".bias", Shape{out}), product);
}

ValueId writeBlock(GraphWriter &graph, const Gpt2Config &config, const std::string &module, ValueId x,
                   ValueId mask) {
    const std::int64_t width = config.hidden;
    const AttentionShape shape{config.heads, config.heads, width / config.heads};
    const std::string attention = module + ".attn", mlp = module + ".mlp";
    const ValueId joined =
        conv1d(graph, attention + ".c_attn", graph.layerNorm(module + ".ln_1", x, width, config.epsilon),
               width, 3 * width);
    std::vector<ValueId> parts = graph.split(attention, joined, {width, width, width});
    for (ValueId &part : parts)
        part = splitHeads(graph, attention, part, shape.heads, shape.width);
    const ValueId seen = attend(graph, attention, shape, parts[0], parts[1], parts[2], mask);
    x = graph.add(module, x, conv1d(graph, attention + ".c_proj", seen, width, width));
    const ValueId inner =
        conv1d(graph, mlp + ".c_fc", graph.layerNorm(module + ".ln_2", x, width, config.epsilon), width,
               config.inner);
    const ValueId active = graph.activation(mlp + ".act", config.activation, inner);
    return graph.add(module, x, conv1d(graph, mlp + ".c_proj", active, config.inner, width));
}

} // namespace

Result<ModelGraph> buildGpt2(const std::string &name, ConfigReader &reader, const TensorLookup &lookup,
                             FindingList &findings, const RunContext &ctx) {
    const Gpt2Config config = readConfig(reader);
    if (reader.problem())
        return fail(*reader.problem());
    noteShortTables(config.positions, name, findings);
    GraphWriter graph(name, lookup, ctx);
    const ValueId ids = graph.input("input_ids", DType::Int64, {"batch", "sequence"});
    const SequenceTables tables(graph, ids);
    const std::int64_t positions = std::min(config.positions, kTablePositions);
    const ValueId mask = tables.causalMask(positions, 0);
    const ValueId places =
        graph.embedding("wpe", tables.positionIds(positions, 0), config.positions, config.hidden);
    ValueId x = graph.add("", graph.embedding("wte", ids, config.vocabulary, config.hidden), places);
    for (std::int64_t block = 0; block < config.blocks; ++block)
        x = writeBlock(graph, config, fmt::format("h.{}", block), x, mask);
    x = graph.layerNorm("ln_f", x, config.hidden, config.epsilon);
    const std::int64_t rows = config.vocabulary;
    const ValueId logits = graph.has("lm_head.weight")
                               ? graph.linear("lm_head", x, config.hidden, rows, GraphWriter::Bias::No)
                               : graph.tiedHead("lm_head", x, "wte.weight", config.hidden, rows);
    graph.output("logits", logits, {"batch", "sequence", std::to_string(rows)});
    return std::move(graph).finish();
}

} // namespace qs
