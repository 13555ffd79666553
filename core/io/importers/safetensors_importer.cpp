#include "core/io/importers/safetensors_importer.h"

#include "core/base/content_hash.h"
#include "core/base/json_text.h"
#include "core/graph/weights_only.h"
#include "core/io/architectures/architectures.h"
#include "core/io/importers/safetensors_files.h"
#include "core/io/importers/safetensors_header.h"

#include <fmt/format.h>
#include <new>

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

Result<ModelGraph> weightsOnly(const std::string &name, std::vector<NamedTensor> tensors,
                               FindingList &findings) {
    WeightsOnlyBuilder builder(name);
    for (NamedTensor &named : tensors)
        QS_CHECK_OK(builder.add(named.name, std::move(named.tensor)));
    findings.add(Severity::Info, kNoGraphText, name);
    return std::move(builder).finish();
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
    Model model;
    model.file = modelPath(path, files, config.has_value());
    model.format = config ? "Hugging Face" : "safetensors";
    QS_TRY(model.sha256, sourceHash(model.file, ctx));
    std::optional<ModelGraph> network;
    if (config) {
        QS_TRY(network, networkOf(*config, tensors, findings, ctx));
    }
    if (network) {
        model.graph = std::move(*network);
    } else {
        QS_TRY(model.graph, weightsOnly(model.file.filename().string(), std::move(tensors), findings));
    }
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
    try {
        return loadModel(file, findings, ctx);
    } catch (const std::bad_alloc &) {
        return fail(ErrorCode::OutOfMemory, "needs more memory than there is. Close other programs");
    } catch (const std::exception &exception) {
        return fail(ErrorCode::CorruptFile, fmt::format("cannot be read: {}", exception.what()));
    }
}

} // namespace qs
