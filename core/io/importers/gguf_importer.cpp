#include "core/io/importers/gguf_importer.h"

#include "core/base/content_hash.h"
#include "core/base/machine_memory.h"
#include "core/base/number_text.h"
#include "core/graph/stored_weight.h"
#include "core/graph/weights_only.h"
#include "core/io/importers/gguf_network.h"
#include "core/io/importers/weights_model.h"
#include "core/io/quantized/gguf_blocks.h"
#include "core/io/quantized/stored_layers.h"
#include "core/tensor/blocks/block_type.h"

#include <fmt/format.h>

namespace qs {
namespace {

/// Names once every format whose codes this program cannot turn into values.
void reportUndecodable(const std::vector<GgufFile> &files, const std::string &where, FindingList &findings) {
    std::map<std::string_view, int> tensors;
    for (const GgufFile &file : files)
        for (const GgufTensor &tensor : file.header.tensors)
            if (const BlockFormat *format = blockFormatOf(tensor.dtype); format && !format->decodable)
                ++tensors[format->name];
    for (const auto &[format, count] : tensors)
        findings.add(
            Severity::Warning,
            fmt::format("{} tensors are {}, whose lattice table this program does not have: they are listed, "
                        "their values cannot be shown",
                        count, format),
            where, "Open the model in another quantization, for example Q4_K_M.");
}

std::vector<NamedTensor> tensorsOf(const std::vector<GgufFile> &files) {
    std::vector<NamedTensor> tensors;
    for (const GgufFile &file : files)
        for (const GgufTensor &tensor : file.header.tensors)
            tensors.push_back({tensor.name, ggufTensor(file, tensor)});
    return tensors;
}

/// The network if it can run here, else its weights, with the reason as a finding.
Result<Model> networkOrWeights(const std::vector<GgufFile> &files, FindingList &findings,
                               const RunContext &ctx) {
    const std::filesystem::path path = files.front().file->path();
    auto graph = buildGgufNetwork(files, findings, ctx);
    if (!graph && graph.error().code == ErrorCode::Cancelled)
        return fail(std::move(graph).error());
    if (!graph) {
        findings.add(Severity::Warning,
                     "The network cannot be built, so only its weights are open: " + graph.error().text(),
                     path.filename().string(), "Export the model to ONNX to run it.");
        return weightsModel(path, "GGUF", tensorsOf(files), findings, ctx);
    }
    Model model;
    model.file = path;
    model.format = "GGUF";
    QS_TRY(model.sha256, sourceHash(path, ctx));
    model.graph = std::move(*graph);
    model.layers = findLayers(model.graph);
    return model;
}

constexpr double kBytesPerCode = 4; ///< of a weight while its codes are read and compared
/// A file that does not run is opened for its weights at once, however large it is.
constexpr std::int64_t kMostCodesWithoutGraph = std::int64_t{1} << 27;

bool hasBlocks(const Layer &layer, const ModelGraph &graph) {
    const BlockFormat *format = blockFormatOf(storedWeight(layer, graph).dtype());
    return format && format->decodable;
}

/// Reads the codes of all layers that are stored in blocks, unless that would take too much memory.
Status readCodes(Model &model, FindingList &findings, const RunContext &ctx) {
    std::map<std::string, const Layer *> layers;
    std::int64_t codes = 0;
    for (const Layer &layer : model.layers)
        if (hasBlocks(layer, model.graph)) {
            layers[model.graph.value(layer.weight).name] = &layer;
            codes += layer.parameters();
        }
    if (kBytesPerCode * static_cast<double>(codes) > static_cast<double>(machineMemoryBytes()) / 4 ||
        (isWeightsOnly(model.graph) && codes > kMostCodesWithoutGraph)) {
        findings.add(Severity::Info,
                     fmt::format("Its {} codes are too many to show them as a run", withThousands(codes)),
                     model.file.filename().string(),
                     "Values, and the blocks around a weight in the tensor map, are shown all the same.");
        return {};
    }
    const auto lookup = [&](const std::string &constant) -> std::optional<StoredLayer> {
        const auto found = layers.find(constant);
        if (found == layers.end())
            return std::nullopt;
        auto grid = readBlocks(storedWeight(*found->second, model.graph));
        if (!grid) {
            findings.add(Severity::Warning,
                         "The codes of its weight cannot be shown: " + grid.error().message,
                         found->second->name, "Its values are read and shown.");
            return std::nullopt;
        }
        return StoredLayer{std::move(*grid)};
    };
    return attachStored(model, lookup, findings, ctx);
}

Result<Model> loadModel(const std::filesystem::path &path, FindingList &findings, const RunContext &ctx) {
    QS_TRY(const std::vector<GgufFile> files, openGgufFiles(path, findings, ctx));
    reportUndecodable(files, files.front().file->path().filename().string(), findings);
    QS_TRY(Model model, networkOrWeights(files, findings, ctx));
    QS_CHECK_OK(readCodes(model, findings, ctx));
    for (const auto &[key, value] : files.front().header.metadata)
        model.metadata.push_back({key, value.typeText(), value.valueText()});
    return model;
}

} // namespace

int GgufImporter::probe(std::span<const std::byte> head) const {
    const std::string_view text(reinterpret_cast<const char *>(head.data()), head.size());
    return text.starts_with("GGUF") ? 100 : 0;
}

Result<Model> GgufImporter::load(const std::filesystem::path &file, FindingList &findings,
                                 const RunContext &ctx) const {
    return guardedLoad([&] { return loadModel(file, findings, ctx); });
}

} // namespace qs
