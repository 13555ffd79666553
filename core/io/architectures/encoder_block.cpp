#include "core/io/architectures/attention_modules.h"
#include "core/io/architectures/families.h"

#include <fmt/format.h>

namespace qs {

EncoderBlock readEncoderBlock(ConfigReader &reader) {
    using namespace config_limits;
    EncoderBlock block;
    block.hidden = reader.count("hidden_size", kMostWidth);
    block.inner = reader.count("intermediate_size", kMostWidth);
    block.heads = reader.count("num_attention_heads", kMostHeads);
    block.epsilon = reader.real("layer_norm_eps", 0, 1, 1e-12);
    block.activation = reader.text("hidden_act", "gelu");
    block.qkvBias = reader.flag("qkv_bias", true);
    if (block.hidden % block.heads != 0)
        reader.complain("num_attention_heads", "must divide hidden_size.");
    return block;
}

ValueId writeEncoderBlock(GraphWriter &graph, const EncoderBlock &block, const EncoderNames &names,
                          const std::string &module, ValueId x) {
    using Bias = GraphWriter::Bias;
    const AttentionShape shape{block.heads, block.heads, block.hidden / block.heads};
    const std::string attention = module + "." + names.projections;
    const auto norm = [&](const std::string &part, ValueId value, bool here) {
        return here ? graph.layerNorm(module + "." + part, value, block.hidden, block.epsilon) : value;
    };
    const ValueId read = norm(names.firstNorm, x, names.normBefore);
    const auto heads = [&](const char *part) {
        const ValueId projected = graph.linear(attention + "." + part, read, block.hidden, block.hidden,
                                               block.qkvBias ? Bias::Yes : Bias::No);
        return splitHeads(graph, attention, projected, shape.heads, shape.width);
    };
    const ValueId query = heads("query"), key = heads("key"), value = heads("value");
    const ValueId seen = attend(graph, attention, shape, query, key, value, kNoValue);
    x = graph.add(
        module, x,
        graph.linear(module + ".attention.output.dense", seen, block.hidden, block.hidden, Bias::Yes));
    x = norm(names.firstNorm, x, !names.normBefore);
    const ValueId inner =
        graph.linear(module + ".intermediate.dense", norm(names.secondNorm, x, names.normBefore),
                     block.hidden, block.inner, Bias::Yes);
    const ValueId active = graph.activation(module + ".intermediate", block.activation, inner);
    x = graph.add(module, x,
                  graph.linear(module + ".output.dense", active, block.inner, block.hidden, Bias::Yes));
    return norm(names.secondNorm, x, !names.normBefore);
}

void noteShortTables(std::int64_t positions, const std::string &name, FindingList &findings) {
    if (positions > kTablePositions)
        findings.add(Severity::Info,
                     fmt::format("The graph takes sequences of up to {} tokens; the model was made for {}",
                                 kTablePositions, positions),
                     name);
}

} // namespace qs
