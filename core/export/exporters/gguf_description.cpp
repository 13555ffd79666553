#include "core/export/exporters/gguf_description.h"

#include "core/base/content_hash.h"
#include "core/base/json_text.h"
#include "core/export/exporters/llama_graph.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> cannotSay(const std::string &what) {
    return fail(ErrorCode::Unsupported, what + "; GGUF export knows networks of the LLaMA family: llama, "
                                               "mistral, qwen2, qwen3");
}

// ---------------------------------------------------------------- from a GGUF file

std::int64_t countOf(const GgufHeader &header, const std::string &key, std::int64_t fallback) {
    const GgufValue *value = header.find(key);
    return value ? value->integer().value_or(fallback) : fallback;
}

/// Keys that follow from the tensors and the file that is written.
bool belongsToFile(const std::string &key) {
    return key.starts_with("split.") || key == "general.file_type" || key == "general.alignment" ||
           key == "general.quantization_version";
}

Result<GgufDescription> fromGguf(const Model &model, const RunContext &ctx) {
    GgufDescription description;
    FindingList known; // from when the model was opened
    QS_TRY(description.source, openGgufFiles(model.file, known, ctx));
    const GgufHeader &header = description.source.front().header;
    const GgufValue *architecture = header.find("general.architecture");
    description.architecture = architecture ? std::string(architecture->text().value_or("")) : "";
    for (const auto &[key, value] : header.metadata)
        if (!belongsToFile(key))
            description.metadata.set(key, value);
    const std::string prefix = description.architecture + ".";
    const std::int64_t heads = std::max<std::int64_t>(1, countOf(header, prefix + "attention.head_count", 1));
    description.headWidth = countOf(header, prefix + "attention.key_length",
                                    countOf(header, prefix + "embedding_length", heads) / heads);
    description.blocks = countOf(header, prefix + "block_count", 0);
    description.positions = countOf(header, prefix + "context_length", 1);
    return description;
}

// ---------------------------------------------------------------- from settings

void setRotary(const RotaryConfig &rotary, const std::string &prefix, GgufMetadata &metadata) {
    metadata.set(prefix + "rope.freq_base", static_cast<float>(rotary.theta));
    const bool linear = rotary.scaling == RotaryConfig::Scaling::Linear;
    if (!linear && rotary.scaling != RotaryConfig::Scaling::Yarn)
        return;
    metadata.set(prefix + "rope.scaling.type", std::string(linear ? "linear" : "yarn"));
    metadata.set(prefix + "rope.scaling.factor", static_cast<float>(rotary.factor));
    if (!linear)
        metadata.set(prefix + "rope.scaling.original_context_length",
                     static_cast<std::uint32_t>(rotary.originalPositions));
}

/// By how much the rotation of LLaMA 3 is slower than the plain one; files hold it as a tensor.
Tensor rotationDivisors(const LlamaConfig &config) {
    RotaryConfig plain;
    plain.theta = config.rotary.theta;
    Tensor divisors = Tensor::allocate(DType::Float32, Shape{config.headWidth / 2});
    for (std::int64_t pair = 0; pair < config.headWidth / 2; ++pair)
        divisors.mutableValues<float>()[static_cast<std::size_t>(pair)] =
            static_cast<float>(rotaryFrequency(plain, pair, config.headWidth) /
                               rotaryFrequency(config.rotary, pair, config.headWidth));
    return divisors;
}

Status checkConfig(const LlamaConfig &config, const std::string &architecture) {
    if (config.activation != "silu" && config.activation != "swish")
        return cannotSay(fmt::format("its activation is '{}', not silu", config.activation));
    const RotaryConfig &rotary = config.rotary;
    if (rotary.scaling == RotaryConfig::Scaling::Yarn &&
        (rotary.attentionFactor > 0 || rotary.betaFast != 32 || rotary.betaSlow != 1))
        return cannotSay("its yarn rotation has settings that GGUF runtimes compute themselves");
    if (rotary.scaling == RotaryConfig::Scaling::Llama3 && architecture != "llama")
        return cannotSay("its rotation is that of LLaMA 3 in another architecture");
    return {};
}

/// Queries that see the last keys only. Files can say so for all blocks alike.
Status setWindows(const LlamaConfig &config, const std::string &architecture, const std::string &where,
                  GgufMetadata &metadata, FindingList &findings) {
    const auto isNarrow = [&](std::int64_t window) { return window > 0 && window < config.positions; };
    if (std::none_of(config.windows.begin(), config.windows.end(), isNarrow))
        return {};
    const std::int64_t window = config.windows.front();
    if (std::any_of(config.windows.begin(), config.windows.end(),
                    [&](std::int64_t other) { return other != window; }))
        return cannotSay("some of its blocks see all keys and others the last ones only");
    metadata.set(architecture + ".attention.sliding_window", static_cast<std::uint32_t>(window));
    findings.add(
        Severity::Warning,
        fmt::format("Its queries see the last {} keys only. The file says so, but llama.cpp lets those "
                    "of this architecture see all",
                    window),
        where, "Keep sequences shorter than that window.");
    return {};
}

Result<GgufDescription> fromConfig(const LlamaConfig &config, const std::string &architecture,
                                   const std::string &name, FindingList &findings) {
    QS_CHECK_OK(checkConfig(config, architecture));
    GgufDescription description{architecture, config.headWidth, config.blocks, config.positions, {}, {}, {}};
    GgufMetadata &metadata = description.metadata;
    const std::string prefix = architecture + ".";
    const auto count = [&](const char *key, std::int64_t value) {
        metadata.set(prefix + key, static_cast<std::uint32_t>(value));
    };
    metadata.set("general.architecture", architecture);
    metadata.set("general.type", std::string("model"));
    metadata.set("general.name", name);
    count("context_length", config.positions);
    count("embedding_length", config.hidden);
    count("block_count", config.blocks);
    count("feed_forward_length", config.intermediate);
    count("attention.head_count", config.heads);
    count("attention.head_count_kv", config.kvHeads);
    count("attention.key_length", config.headWidth);
    count("attention.value_length", config.headWidth);
    count("rope.dimension_count", config.headWidth);
    count("vocab_size", config.vocabulary);
    metadata.set(prefix + "attention.layer_norm_rms_epsilon", static_cast<float>(config.normEpsilon));
    setRotary(config.rotary, prefix, metadata);
    metadata.set("tokenizer.ggml.model", std::string("no_vocab"));
    if (config.rotary.scaling == RotaryConfig::Scaling::Llama3)
        description.tensors.push_back({"rope_freqs.weight", rotationDivisors(config)});
    QS_CHECK_OK(setWindows(config, architecture, name, metadata, findings));
    findings.add(
        Severity::Info,
        "The file has no tokenizer (tokenizer.ggml.model is no_vocab): runtimes load it and take token "
        "numbers, not text",
        name,
        "To keep a tokenizer, open a GGUF file of the model (F16, F32) that has one and export from "
        "that: its metadata is kept.");
    return description;
}

Result<GgufDescription> fromHuggingFace(const Model &model, FindingList &findings) {
    const fs::path file = model.file / "config.json";
    QS_TRY(const nlohmann::json json, readJsonFile(file));
    ConfigReader reader(json, file);
    const std::string type = reader.text("model_type", "");
    const bool isLlama = type == "llama" || type == "mistral";
    if (!isLlama && type != "qwen2" && type != "qwen3")
        return cannotSay(fmt::format("its model_type is '{}'", type.substr(0, 40)));
    const LlamaConfig config = readLlamaConfig(reader);
    if (reader.problem())
        return fail(*reader.problem());
    return fromConfig(config, isLlama ? "llama" : type, model.file.filename().string(), findings);
}

Result<GgufDescription> fromGraph(const Model &model, FindingList &findings) {
    QS_TRY(const LlamaConfig config, readLlamaGraph(model));
    const std::string architecture = config.queryKeyNorm ? "qwen3" : config.qkvBias ? "qwen2" : "llama";
    return fromConfig(config, architecture, model.file.stem().string(), findings);
}

} // namespace

std::optional<Tensor> GgufDescription::sourceTensor(const std::string &name) const {
    for (const GgufFile &part : source)
        for (const GgufTensor &tensor : part.header.tensors)
            if (tensor.name == name)
                return ggufTensor(part, tensor);
    return std::nullopt;
}

Result<GgufDescription> describeForGguf(const Model &model, FindingList &findings, const RunContext &ctx) {
    const bool fromFile = model.format == "GGUF", fromFolder = model.format == "Hugging Face";
    if (fromFile || fromFolder) {
        QS_TRY(const std::string hash, sourceHash(model.file, ctx));
        if (hash != model.sha256)
            return fail(ErrorCode::CorruptFile,
                        "is no longer the file that was opened; open it again, and run the recipe again",
                        model.file.string());
    }
    return fromFile     ? fromGguf(model, ctx)
           : fromFolder ? fromHuggingFace(model, findings)
                        : fromGraph(model, findings);
}

} // namespace qs
