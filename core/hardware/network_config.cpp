#include "core/base/json_text.h"
#include "core/hardware/config_reader.h"
#include "core/hardware/network_description.h"

#include <fmt/format.h>
#include <fstream>

namespace qs {
namespace {

using Json = nlohmann::json;
using namespace config_limits;

/// Operations per element, exp and erf counted as in the operator table.
/// \source roofline specification B.3
void setActivation(NetworkDescription &network, ConfigReader &reader, const char *field,
                   const char *fallback) {
    network.activation = reader.text(field, fallback);
    constexpr std::pair<std::string_view, double> kKnown[] = {{"relu", 1},
                                                              {"silu", 4},
                                                              {"swish", 4},
                                                              {"gelu", 8},
                                                              {"gelu_new", 10},
                                                              {"gelu_fast", 10},
                                                              {"gelu_pytorch_tanh", 10},
                                                              {"quick_gelu", 5}};
    for (const auto &[name, operations] : kKnown)
        if (name == network.activation) {
            network.activationOps = operations;
            return;
        }
    reader.complain(field,
                    fmt::format("names the activation function '{}', whose operations are not known here.",
                                network.activation));
}

void readHeads(NetworkDescription &network, ConfigReader &reader) {
    network.hidden = reader.count("hidden_size", kMostWidth);
    network.blocks = reader.count("num_hidden_layers", kMostBlocks);
    network.heads = reader.count("num_attention_heads", kMostHeads);
    network.kvHeads = reader.count("num_key_value_heads", kMostHeads, network.heads);
    if (network.heads % network.kvHeads != 0)
        reader.complain("num_key_value_heads",
                        fmt::format("is {}, which does not divide num_attention_heads, {}.", network.kvHeads,
                                    network.heads));
    if (!reader.has("head_dim") && network.hidden % network.heads != 0)
        reader.complain("hidden_size",
                        fmt::format("is {}, which num_attention_heads, {}, does not divide; head_dim is "
                                    "not given.",
                                    network.hidden, network.heads));
    network.headDim =
        reader.count("head_dim", kMostWidth, std::max<std::int64_t>(1, network.hidden / network.heads));
}

void readLlama(NetworkDescription &network, ConfigReader &reader) {
    const bool qwen = network.modelType.starts_with("qwen");
    readHeads(network, reader);
    network.intermediate = reader.count("intermediate_size", kMostWidth);
    network.vocabulary = reader.count("vocab_size", kMostRows);
    network.embeddingWidth = network.hidden;
    network.maxPositions =
        reader.has("max_position_embeddings") ? reader.count("max_position_embeddings", kMostPositions) : 0;
    network.tiedHead = reader.flag("tie_word_embeddings", false);
    const bool attentionBias = reader.flag("attention_bias", false);
    network.queryKeyValueBias = attentionBias || network.modelType == "qwen2";
    network.outputBias = attentionBias;
    network.mlpBias = reader.flag("mlp_bias", false);
    network.queryKeyNorm = network.modelType == "qwen3";
    setActivation(network, reader, "hidden_act", "silu");
    // Qwen writes a window that it does not use unless it says so.
    if (reader.has("sliding_window") && reader.flag("use_sliding_window", !qwen))
        network.slidingWindow = reader.count("sliding_window", kMostPositions);
    network.blockPrefix = "model.layers.";
    network.embeddingModule = "model.embed_tokens";
    network.headModule = "lm_head";
}

void readOpt(NetworkDescription &network, ConfigReader &reader) {
    constexpr std::int64_t kUnusedPositions = 2; // the table starts with two rows that no position uses
    readHeads(network, reader);
    network.intermediate = reader.count("ffn_dim", kMostWidth);
    network.vocabulary = reader.count("vocab_size", kMostRows);
    network.embeddingWidth = reader.count("word_embed_proj_dim", kMostWidth, network.hidden);
    network.maxPositions = reader.count("max_position_embeddings", kMostRows);
    network.positionRows = network.maxPositions + kUnusedPositions;
    network.tiedHead = reader.flag("tie_word_embeddings", true);
    network.gated = false;
    network.rmsNorm = false;
    network.finalNorm =
        reader.flag("do_layer_norm_before", true) && !reader.flag("_remove_final_layer_norm", false);
    network.queryKeyValueBias = network.outputBias = network.mlpBias = reader.flag("enable_bias", true);
    setActivation(network, reader, "activation_function", "relu");
    network.blockPrefix = "model.decoder.layers.";
    network.embeddingModule = "model.decoder.embed_tokens";
    network.headModule = "lm_head";
}

void readVision(NetworkDescription &network, ConfigReader &reader) {
    network.kind = NetworkDescription::Kind::VisionEncoder;
    readHeads(network, reader);
    network.intermediate = reader.count("intermediate_size", kMostWidth);
    network.imageSize = reader.count("image_size", 1 << 16);
    network.patchSize = reader.count("patch_size", 1 << 16);
    network.imageChannels = reader.count("num_channels", 1 << 12, 3);
    if (network.imageSize < network.patchSize)
        reader.complain("patch_size", "is larger than image_size.");
    network.extraTokens = network.modelType == "deit" ? 2 : 1;
    network.positionRows = network.imageTokens();
    // The number of classes is that of their names; without names the families' code has two.
    const auto names = reader.config().find("id2label");
    network.classes = names != reader.config().end() && names->is_object()
                          ? static_cast<std::int64_t>(names->size())
                          : reader.count("num_labels", kMostRows, 2);
    network.gated = false;
    network.rmsNorm = false;
    network.queryKeyValueBias = reader.flag("qkv_bias", true);
    network.outputBias = network.mlpBias = true;
    setActivation(network, reader, "hidden_act", "gelu");
    network.blockPrefix = network.modelType + ".encoder.layer.";
    network.embeddingModule = network.modelType + ".embeddings.patch_embeddings.projection";
    network.headModule = "classifier";
}

} // namespace

Result<NetworkDescription> networkFromConfig(const Json &config, const std::filesystem::path &file) {
    const auto refuse = [&](ErrorCode code, std::string text) {
        return fail(code, std::move(text), file.string());
    };
    if (!config.is_object())
        return refuse(ErrorCode::CorruptFile, "a config.json must be a JSON object.");
    ConfigReader reader(config, file);
    NetworkDescription network;
    network.file = file;
    network.modelType = reader.text("model_type", "");
    if (network.modelType.empty())
        return refuse(ErrorCode::CorruptFile,
                      "field 'model_type' is missing. Is this the config.json of a Hugging Face "
                      "model?");
    for (const char *experts : {"num_local_experts", "num_experts", "n_routed_experts"})
        if (reader.has(experts))
            return refuse(ErrorCode::Unsupported,
                          fmt::format("field '{}': mixtures of experts are not modelled.", experts));
    const std::string &type = network.modelType;
    if (type == "llama" || type == "mistral" || type == "qwen2" || type == "qwen3")
        readLlama(network, reader);
    else if (type == "opt")
        readOpt(network, reader);
    else if (type == "vit" || type == "deit")
        readVision(network, reader);
    else
        return refuse(ErrorCode::Unsupported,
                      fmt::format("model_type '{}' is not known. Known: llama, mistral, qwen2, "
                                  "qwen3, opt, vit, deit.",
                                  type.substr(0, 60)));
    if (reader.problem())
        return fail(*reader.problem());
    return network;
}

Result<NetworkDescription> readNetworkConfig(const std::filesystem::path &file) {
    QS_TRY(const Json config, readJsonFile(file));
    return networkFromConfig(config, file);
}

bool looksLikeNetworkConfig(const Json &json) {
    return json.is_object() && !json.contains("quantoscope-recipe") &&
           (json.contains("model_type") || json.contains("hidden_size") || json.contains("architectures"));
}

bool isNetworkConfigFile(const std::filesystem::path &file) {
    constexpr std::uintmax_t kLargestConfig = 4u << 20;
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error) ||
        std::filesystem::file_size(file, error) > kLargestConfig)
        return false;
    std::ifstream stream(file, std::ios::binary);
    stream >> std::ws;
    if (stream.peek() != '{') // weights may be small files, too
        return false;
    const auto json = readJsonFile(file);
    return json && looksLikeNetworkConfig(*json);
}

} // namespace qs
