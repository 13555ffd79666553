#include "core/io/quantized/checkpoint_scheme.h"

#include "core/base/json_text.h"
#include "core/io/safe_text.h"

#include <fmt/format.h>

namespace qs {
namespace {

using Json = nlohmann::json;
using Scheme = CheckpointScheme;

tl::unexpected<Error> unsupported(const std::string &what) {
    return fail(ErrorCode::Unsupported, what + ". Save the model unquantized, or as ONNX, to open it",
                "quantization_config");
}

std::string text(const Json &json, const char *key, const std::string &fallback) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : fallback;
}

/// The first of some names that is a whole number.
Result<std::int64_t> number(const Json &json, std::initializer_list<const char *> keys,
                            std::int64_t fallback) {
    for (const char *key : keys)
        if (const auto found = json.find(key); found != json.end() && !found->is_null()) {
            constexpr std::int64_t kMost = 1 << 30;
            // As a signed number, the largest unsigned one would be -1.
            const bool huge = found->is_number_unsigned() && found->get<std::uint64_t>() > kMost;
            if (!found->is_number_integer() || huge || *found < -1)
                return fail(ErrorCode::CorruptFile, fmt::format("'{}' must be a whole number", key),
                            "quantization_config");
            return found->get<std::int64_t>();
        }
    return fallback;
}

bool flag(const Json &json, const char *key, bool fallback) {
    const auto found = json.find(key);
    return found != json.end() && found->is_boolean() ? found->get<bool>() : fallback;
}

Result<Scheme> readGptq(const Json &json) {
    Scheme scheme;
    QS_TRY(const std::int64_t bits, number(json, {"bits"}, 4));
    QS_TRY(scheme.groupSize, number(json, {"group_size"}, 128));
    if (bits != 2 && bits != 3 && bits != 4 && bits != 8)
        return unsupported(fmt::format("GPTQ with {} bits is not known here; 2, 3, 4 and 8 are", bits));
    if (scheme.groupSize == 0 || scheme.groupSize < -1)
        return fail(ErrorCode::CorruptFile, "'group_size' must be -1 or at least 1", "quantization_config");
    scheme.bits = static_cast<int>(bits);
    const std::string format = text(json, "checkpoint_format", "gptq");
    if (format != "gptq" && format != "gptq_v2")
        return unsupported(
            fmt::format("checkpoint_format '{}' is not known here; gptq and gptq_v2 are", safeName(format)));
    scheme.zeroPlusOne = format == "gptq";
    if (const auto found = json.find("dynamic"); found != json.end() && found->is_object() && !found->empty())
        return unsupported("GPTQ with settings of single modules ('dynamic') is not known here");
    return scheme;
}

Result<Scheme> readAwq(const Json &json) {
    Scheme scheme;
    scheme.kind = Scheme::Kind::Awq;
    QS_TRY(const std::int64_t bits, number(json, {"bits", "w_bit"}, 4));
    QS_TRY(scheme.groupSize, number(json, {"group_size", "q_group_size"}, 128));
    std::string version = text(json, "version", "gemm");
    for (char &c : version)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (bits != 4)
        return unsupported(fmt::format("AWQ with {} bits is not known here; 4 are", bits));
    if (version != "gemm")
        return unsupported(fmt::format("AWQ version '{}' is not known here; gemm is", safeName(version)));
    if (scheme.groupSize == 0 || scheme.groupSize < -1)
        return fail(ErrorCode::CorruptFile, "the group size must be -1 or at least 1", "quantization_config");
    return scheme;
}

Status readInput(const Json &group, Scheme::Group &result) {
    const auto input = group.find("input_activations");
    if (input == group.end() || !input->is_object())
        return {};
    const auto dynamic = input->find("dynamic");
    // "local" finds scales of groups while it runs.
    result.dynamicInput =
        dynamic != input->end() && (dynamic->is_string() || (dynamic->is_boolean() && dynamic->get<bool>()));
    result.staticInput = !result.dynamicInput;
    QS_TRY(const std::int64_t bits, number(*input, {"num_bits"}, 8));
    result.inputBits = static_cast<int>(bits);
    result.inputIsFloat = text(*input, "type", "int") == "float";
    return {};
}

Result<Scheme::Group> readGroup(const Json &json, std::string format) {
    Scheme::Group group;
    const auto weights = json.find("weights");
    if (!json.is_object() || weights == json.end() || !weights->is_object())
        return fail(ErrorCode::CorruptFile, "a config group has no 'weights'", "quantization_config");
    format = text(json, "format", format);
    if (const auto targets = json.find("targets"); targets != json.end() && targets->is_array())
        for (const Json &target : *targets)
            if (target.is_string())
                group.targets.push_back(target.get<std::string>());
    QS_TRY(const std::int64_t bits, number(*weights, {"num_bits"}, 8));
    group.bits = static_cast<int>(bits);
    group.isFloat = text(*weights, "type", "int") == "float";
    group.symmetric = flag(*weights, "symmetric", true);
    if (format == "pack-quantized")
        group.storage = Scheme::Storage::Packed;
    else if (format == "nvfp4-pack-quantized")
        group.storage = Scheme::Storage::NvFp4;
    else if (format != "int-quantized" && format != "float-quantized" && format != "naive-quantized")
        return unsupported(
            fmt::format("the format '{}' of compressed-tensors is not known here; int-quantized, "
                        "float-quantized, naive-quantized, pack-quantized and "
                        "nvfp4-pack-quantized are",
                        safeName(format)));
    const bool packed = group.storage == Scheme::Storage::Packed;
    if (packed ? group.isFloat || group.bits < 2 || group.bits > 8
               : group.storage == Scheme::Storage::Plain && group.bits != 8)
        return unsupported(fmt::format("{} with {} {} bits is not known here", format, group.bits,
                                       group.isFloat ? "float" : "integer"));
    QS_CHECK_OK(readInput(json, group));
    return group;
}

Result<Scheme> readCompressed(const Json &json) {
    Scheme scheme;
    scheme.kind = Scheme::Kind::CompressedTensors;
    if (const auto sparse = json.find("sparsity_config");
        sparse != json.end() && sparse->is_object() && text(*sparse, "format", "dense") != "dense")
        return unsupported("compressed-tensors with a sparse format are not known here");
    const auto groups = json.find("config_groups");
    if (groups == json.end() || !groups->is_object() || groups->empty())
        return fail(ErrorCode::CorruptFile, "there are no 'config_groups'", "quantization_config");
    for (const auto &[name, group] : groups->items()) {
        QS_TRY(Scheme::Group read, readGroup(group, text(json, "format", "")));
        scheme.groups.push_back(std::move(read));
    }
    return scheme;
}

/// 8-bit floats with a scale for each block, as DeepSeek's and Qwen's own files have them.
Scheme fineGrainedFloats() {
    Scheme scheme;
    scheme.kind = Scheme::Kind::CompressedTensors;
    scheme.groups.emplace_back();
    scheme.groups.back().bits = 8;
    scheme.groups.back().isFloat = true;
    return scheme;
}

Result<Scheme> readMethod(const std::string &method, const Json &description) {
    if (method == "gptq")
        return readGptq(description);
    if (method == "awq")
        return readAwq(description);
    if (method == "compressed-tensors")
        return readCompressed(description);
    if (method == "fp8")
        return fineGrainedFloats();
    if (method == "bitsandbytes") {
        Scheme scheme;
        scheme.kind = Scheme::Kind::BitsAndBytes;
        return scheme;
    }
    return unsupported(
        fmt::format("quant_method '{}' is not known here; gptq, awq, compressed-tensors, fp8 and "
                    "bitsandbytes are",
                    safeName(method)));
}

} // namespace

Result<std::optional<CheckpointScheme>> readCheckpointScheme(const Json &config,
                                                             const std::filesystem::path &folder) {
    Json description;
    if (config.is_object() && config.contains("quantization_config")) {
        description = config["quantization_config"];
    } else {
        std::error_code error;
        const std::filesystem::path file = folder / "quantize_config.json"; // of older GPTQ checkpoints
        if (!std::filesystem::is_regular_file(file, error))
            return std::optional<Scheme>();
        QS_TRY(description, readJsonFile(file));
        if (description.is_object() && !description.contains("quant_method"))
            description["quant_method"] = "gptq";
    }
    if (!description.is_object())
        return fail(ErrorCode::CorruptFile, "must be a JSON object", "quantization_config");
    const std::string method = text(description, "quant_method", "");
    auto scheme = readMethod(method, description);
    if (!scheme)
        return fail(std::move(scheme).error());
    return std::optional(std::move(*scheme));
}

} // namespace qs
