#include "core/io/importers/safetensors_importer.h"

#include "core/base/content_hash.h"
#include "core/base/json_text.h"
#include "core/io/architectures/architectures.h"
#include "core/io/importers/safetensors_files.h"
#include "core/io/importers/safetensors_header.h"
#include "core/io/importers/weights_model.h"
#include "core/io/quantized/checkpoint.h"

#include <algorithm>
#include <optional>

namespace qs {
namespace {

namespace fs = std::filesystem;

/// A model of several files goes by its folder, whose content then names it in provenance.
fs::path modelPath(const fs::path &opened, const SafetensorsFiles &files, bool hasConfig) {
    std::error_code error;
    if (files.index.empty() && !hasConfig && !fs::is_directory(opened, error))
        return opened;
    const fs::path folder = fs::weakly_canonical(files.folder, error);
    return error ? files.folder : folder;
}

/// The config.json of a checkpoint: of its folder, unless one file among others was opened.
std::optional<fs::path> configOf(const fs::path &opened, const SafetensorsFiles &files) {
    std::error_code error;
    const fs::path config = files.folder / "config.json";
    const bool whole = !files.index.empty() || opened.extension() != ".safetensors" ||
                       opened.filename() == "model.safetensors";
    return whole && fs::is_regular_file(config, error) ? std::optional(config) : std::nullopt;
}

/// The packed modules of a checkpoint; nothing when its weights are plain numbers, or packed in a way that is
/// not known here, which is reported.
std::optional<PackedCheckpoint> packedModules(const Result<nlohmann::json> &config, const fs::path &folder,
                                              const std::vector<NamedTensor> &tensors,
                                              FindingList &findings) {
    auto scheme = readCheckpointScheme(config ? *config : nlohmann::json(), folder);
    if (!scheme) {
        Finding finding = toFinding(scheme.error());
        finding.action = "Its packed weights are not shown as layers.";
        findings.add(std::move(finding));
        return std::nullopt;
    }
    const bool looksPacked = std::any_of(tensors.begin(), tensors.end(), [](const NamedTensor &named) {
        return named.name.ends_with(".qweight") || named.name.ends_with(".weight_packed");
    });
    if (!*scheme && looksPacked)
        findings.add(Severity::Warning, "holds packed weights, and nothing here says how they are packed",
                     folder.filename().string(),
                     "Open the folder of the model, with its config.json or quantize_config.json.");
    return *scheme ? std::optional(PackedCheckpoint(std::move(**scheme), tensors)) : std::nullopt;
}

/// The network of a config.json; empty when it is not known here or contradicts the weights, which is
/// reported.
Result<std::optional<ModelGraph>> networkOf(const Result<nlohmann::json> &json, const fs::path &config,
                                            const std::vector<NamedTensor> &tensors, FindingList &findings,
                                            const RunContext &ctx) {
    auto graph = json ? buildArchitecture(*json, config, tensors, findings, ctx) : fail(json.error());
    if (graph)
        return std::optional(std::move(*graph));
    if (graph.error().code == ErrorCode::Cancelled)
        return fail(std::move(graph).error());
    findings.add(Severity::Warning,
                 "The network cannot be built, so only its weights are open: " + graph.error().text(),
                 config.string(), "Export the model to ONNX to run it.");
    return std::optional<ModelGraph>();
}

Result<Model> loadModel(const fs::path &path, FindingList &findings, const RunContext &ctx) {
    QS_TRY(const SafetensorsFiles files, findSafetensors(path));
    QS_TRY(std::vector<NamedTensor> tensors, readSafetensors(files, findings, ctx));
    const auto config = configOf(path, files);
    const fs::path file = modelPath(path, files, config.has_value());
    const std::string format = config ? "Hugging Face" : "safetensors";
    auto json = config ? readJsonFile(*config) : Result<nlohmann::json>(nlohmann::json());
    const auto packed = packedModules(json, files.folder, tensors, findings);
    if (packed && !packed->empty()) {
        const bool inputsFirst =
            json && json->is_object() && json->value("model_type", nlohmann::json()) == "gpt2";
        QS_TRY(tensors, packed->unpack(tensors, inputsFirst, findings, ctx));
        if (json && json->is_object())
            json->erase("quantization_config"); // The weights are plain numbers from here on.
    }
    std::optional<ModelGraph> network;
    if (config) {
        QS_TRY(network, networkOf(json, *config, tensors, findings, ctx));
    }
    Model model;
    if (network) {
        model.file = file;
        model.format = format;
        QS_TRY(model.sha256, sourceHash(file, ctx));
        model.graph = std::move(*network);
        model.layers = findLayers(model.graph);
    } else {
        QS_TRY(model, weightsModel(file, format, std::move(tensors), findings, ctx));
    }
    if (packed)
        QS_CHECK_OK(attachStored(
            model, [&](const std::string &name) { return packed->find(name); }, findings, ctx));
    return model;
}

} // namespace

int SafetensorsImporter::probe(std::span<const std::byte> head) const {
    if (looksLikeSafetensors(head))
        return 90;
    const std::string_view text(reinterpret_cast<const char *>(head.data()), head.size());
    if (looksLikeSafetensorsIndex(text))
        return 80;
    // A config.json; whether there are weights beside it only load() can tell.
    return text.starts_with('{') && text.find("\"model_type\"") != std::string_view::npos ? 50 : 0;
}

Result<Model> SafetensorsImporter::load(const fs::path &file, FindingList &findings,
                                        const RunContext &ctx) const {
    return guardedLoad([&] { return loadModel(file, findings, ctx); });
}

} // namespace qs
