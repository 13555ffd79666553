#include "core/io/architectures/attention_modules.h"
#include "core/io/architectures/families.h"

#include <fmt/format.h>

namespace qs {
namespace {

using Bias = GraphWriter::Bias;

struct BertConfig {
    EncoderBlock block;
    std::int64_t blocks, positions, vocabulary, tokenTypes;
};

BertConfig readConfig(ConfigReader &reader) {
    using namespace config_limits;
    BertConfig config{readEncoderBlock(reader), 0, 0, 0, 0};
    config.blocks = reader.count("num_hidden_layers", kMostBlocks);
    config.positions = reader.count("max_position_embeddings", kMostPositions, 512);
    config.vocabulary = reader.count("vocab_size", kMostRows);
    config.tokenTypes = reader.count("type_vocab_size", kMostRows, 2);
    if (reader.text("position_embedding_type", "absolute") != "absolute")
        reader.complain("position_embedding_type",
                        "is not 'absolute': relative positions are not known here.");
    for (const char *field : {"is_decoder", "add_cross_attention"})
        if (reader.flag(field, false))
            reader.complain(field, "is true, which is not known here.");
    return config;
}

ValueId writeEmbeddings(GraphWriter &graph, const BertConfig &config, ValueId ids) {
    const std::string module = "embeddings";
    const std::int64_t width = config.block.hidden, positions = std::min(config.positions, kTablePositions);
    const SequenceTables tables(graph, ids);
    const ValueId words = graph.embedding(module + ".word_embeddings", ids, config.vocabulary, width);
    const ValueId places = graph.embedding(module + ".position_embeddings", tables.positionIds(positions, 0),
                                           config.positions, width);
    const ValueId types =
        graph.embedding(module + ".token_type_embeddings", graph.ints({0}), config.tokenTypes, width);
    const ValueId sum = graph.add(module, graph.add(module, words, places), types);
    return graph.layerNorm(module + ".LayerNorm", sum, width, config.block.epsilon);
}

/// The token in front, which stands for the whole text. [batch, hidden]
ValueId firstToken(GraphWriter &graph, ValueId x) {
    const ValueId first = graph.op("pooler", "Slice", {x, graph.ints({0}), graph.ints({1}), graph.ints({1})});
    return graph.op("pooler", "Squeeze", {first, graph.ints({1})});
}

void writeMaskedHead(GraphWriter &graph, const BertConfig &config, ValueId x) {
    const std::string head = "cls.predictions", transform = head + ".transform";
    const std::int64_t width = config.block.hidden, rows = config.vocabulary;
    x = graph.linear(transform + ".dense", x, width, width, Bias::Yes);
    x = graph.activation(transform, config.block.activation, x);
    x = graph.layerNorm(transform + ".LayerNorm", x, width, config.block.epsilon);
    x = graph.has(head + ".decoder.weight")
            ? graph.linear(head + ".decoder", x, width, rows, Bias::No)
            : graph.tiedHead(head + ".decoder", x, "embeddings.word_embeddings.weight", width, rows);
    const char *bias = graph.has(head + ".bias") ? ".bias" : ".decoder.bias";
    graph.output("logits", graph.add(head, graph.parameter(head + bias, Shape{rows}), x),
                 {"batch", "sequence", std::to_string(rows)});
}

void writeClassifier(GraphWriter &graph, const BertConfig &config, const TensorLookup &lookup, ValueId x) {
    const std::int64_t width = config.block.hidden, labels = lookup("classifier.bias")->numel();
    const ValueId pooled = graph.op(
        "pooler", "Tanh", {graph.linear("pooler.dense", firstToken(graph, x), width, width, Bias::Yes)});
    graph.output("logits", graph.linear("classifier", pooled, width, labels, Bias::Yes),
                 {"batch", std::to_string(labels)});
}

} // namespace

Result<ModelGraph> buildBert(const std::string &name, ConfigReader &reader, const TensorLookup &lookup,
                             FindingList &findings, const RunContext &ctx) {
    const BertConfig config = readConfig(reader);
    if (reader.problem())
        return fail(*reader.problem());
    noteShortTables(config.positions, name, findings);
    findings.add(Severity::Info, "The graph reads every token, with token type 0: it has no mask for padding",
                 name, "Calibrate with texts of one length.");
    GraphWriter graph(name, lookup, ctx);
    const ValueId ids = graph.input("input_ids", DType::Int64, {"batch", "sequence"});
    ValueId x = writeEmbeddings(graph, config, ids);
    const EncoderNames names{"attention.self", "attention.output.LayerNorm", "output.LayerNorm", false};
    for (std::int64_t block = 0; block < config.blocks; ++block)
        x = writeEncoderBlock(graph, config.block, names, fmt::format("encoder.layer.{}", block), x);
    // A classifier without a pooler judges every token; its graph would be another one.
    if (graph.has("cls.predictions.transform.dense.weight"))
        writeMaskedHead(graph, config, x);
    else if (graph.has("classifier.bias") && graph.has("pooler.dense.weight"))
        writeClassifier(graph, config, lookup, x);
    else
        graph.output("last_hidden_state", x, {"batch", "sequence", std::to_string(config.block.hidden)});
    return std::move(graph).finish();
}

} // namespace qs
