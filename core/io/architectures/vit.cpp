#include "core/io/architectures/families.h"

#include <fmt/format.h>

namespace qs {
namespace {

using Bias = GraphWriter::Bias;

struct VitConfig {
    EncoderBlock block;
    std::int64_t blocks, image, patch, channels;
    std::vector<std::string> tokens; ///< parameters in front of the patches
    std::int64_t positions() const {
        return image / patch * (image / patch) + static_cast<std::int64_t>(tokens.size());
    }
};

VitConfig readConfig(ConfigReader &reader) {
    using namespace config_limits;
    VitConfig config{readEncoderBlock(reader), 0, 0, 0, 0, {"embeddings.cls_token"}};
    config.blocks = reader.count("num_hidden_layers", kMostBlocks);
    config.image = reader.count("image_size", kMostWidth, 224);
    config.patch = reader.count("patch_size", kMostWidth, 16);
    config.channels = reader.count("num_channels", kMostWidth, 3);
    if (reader.text("model_type", "vit") == "deit")
        config.tokens.emplace_back("embeddings.distillation_token");
    if (config.patch > config.image)
        reader.complain("patch_size", "must not be above image_size.");
    return config;
}

/// [batch, channels, size, size] → [batch, positions, hidden].
ValueId writeEmbeddings(GraphWriter &graph, const VitConfig &config, ValueId image) {
    const std::string module = "embeddings", projection = module + ".patch_embeddings.projection";
    const std::int64_t width = config.block.hidden, patch = config.patch;
    const std::vector<std::int64_t> square{patch, patch};
    const ValueId kernel =
        graph.parameter(projection + ".weight", Shape{width, config.channels, patch, patch});
    const ValueId patches =
        graph.op(projection, "Conv", {image, kernel, graph.parameter(projection + ".bias", Shape{width})},
                 {{"kernel_shape", square}, {"strides", square}});
    const ValueId rows =
        graph.op(module, "Transpose", {graph.op(module, "Reshape", {patches, graph.ints({0, 0, -1})})},
                 {{"perm", std::vector<std::int64_t>{0, 2, 1}}});
    // Every image of the batch gets its own copy of the tokens in front.
    const ValueId batch = graph.op(module, "Gather", {graph.op(module, "Shape", {image}), graph.ints({0})},
                                   {{"axis", std::int64_t{0}}});
    const ValueId size =
        graph.op(module, "Concat", {batch, graph.ints({1}), graph.ints({1})}, {{"axis", std::int64_t{0}}});
    std::vector<ValueId> parts;
    for (const std::string &token : config.tokens)
        parts.push_back(graph.op(module, "Expand", {graph.parameter(token, Shape{1, 1, width}), size}));
    parts.push_back(rows);
    const ValueId joined = graph.op(module, "Concat", parts, {{"axis", std::int64_t{1}}});
    return graph.add(module, joined,
                     graph.parameter(module + ".position_embeddings", Shape{1, config.positions(), width}));
}

/// What a head makes of the token at a place: [batch, labels].
ValueId writeHead(GraphWriter &graph, const std::string &module, const TensorLookup &lookup, ValueId x,
                  std::int64_t token, std::int64_t width) {
    const ValueId one =
        graph.op(module, "Slice", {x, graph.ints({token}), graph.ints({token + 1}), graph.ints({1})});
    const Tensor *bias = lookup(module + ".bias");
    return graph.linear(module, graph.op(module, "Squeeze", {one, graph.ints({1})}), width,
                        bias ? bias->numel() : 0, Bias::Yes);
}

void writeOutput(GraphWriter &graph, const VitConfig &config, const TensorLookup &lookup, ValueId x) {
    const std::int64_t width = config.block.hidden;
    if (graph.has("distillation_classifier.bias")) {
        const ValueId sum = graph.add("", writeHead(graph, "cls_classifier", lookup, x, 0, width),
                                      writeHead(graph, "distillation_classifier", lookup, x, 1, width));
        graph.output("logits", graph.mul("", sum, graph.number(0.5)), {"batch", "labels"});
    } else if (graph.has("classifier.bias")) {
        graph.output("logits", writeHead(graph, "classifier", lookup, x, 0, width), {"batch", "labels"});
    } else {
        graph.output("last_hidden_state", x,
                     {"batch", std::to_string(config.positions()), std::to_string(width)});
    }
}

} // namespace

Result<ModelGraph> buildVit(const std::string &name, ConfigReader &reader, const TensorLookup &lookup,
                            FindingList &, const RunContext &ctx) {
    const VitConfig config = readConfig(reader);
    if (reader.problem())
        return fail(*reader.problem());
    GraphWriter graph(name, lookup, ctx);
    const std::string size = std::to_string(config.image);
    const ValueId image =
        graph.input("pixel_values", DType::Float32, {"batch", std::to_string(config.channels), size, size});
    ValueId x = writeEmbeddings(graph, config, image);
    const EncoderNames names{"attention.attention", "layernorm_before", "layernorm_after", true};
    for (std::int64_t block = 0; block < config.blocks; ++block)
        x = writeEncoderBlock(graph, config.block, names, fmt::format("encoder.layer.{}", block), x);
    x = graph.layerNorm("layernorm", x, config.block.hidden, config.block.epsilon);
    writeOutput(graph, config, lookup, x);
    return std::move(graph).finish();
}

} // namespace qs
