#include "core/io/importers/safetensors_importer.h"

#include "core/base/content_hash.h"
#include "core/base/json_text.h"
#include "core/io/architectures/architectures.h"
#include "core/io/importers/safetensors_files.h"
#include "core/io/importers/safetensors_header.h"
#include "core/io/importers/weights_model.h"

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

/// The network of a config.json; empty when it is not known here or contradicts the weights, which is
/// reported.
Result<std::optional<ModelGraph>> networkOf(const fs::path &config, const std::vector<NamedTensor> &tensors,
                                            FindingList &findings, const RunContext &ctx) {
    const auto json = readJsonFile(config);
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
    std::optional<ModelGraph> network;
    if (config) {
        QS_TRY(network, networkOf(*config, tensors, findings, ctx));
    }
    if (!network)
        return weightsModel(file, format, std::move(tensors), findings, ctx);
    Model model;
    model.file = file;
    model.format = format;
    QS_TRY(model.sha256, sourceHash(file, ctx));
    model.graph = std::move(*network);
    model.layers = findLayers(model.graph);
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
