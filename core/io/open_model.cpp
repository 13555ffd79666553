#include "core/graph/weight_difference.h"
#include "core/io/file_kind.h"
#include "core/io/importer.h"
#include "core/io/weight_inspection.h"

#include <fmt/format.h>
#include <fstream>

namespace qs {
namespace {

Status checkReadable(const std::filesystem::path &file) {
    std::error_code code;
    const auto status = std::filesystem::status(file, code);
    if (!std::filesystem::exists(status))
        return fail(ErrorCode::NotFound, "there is no such file; check its path");
    if (std::filesystem::is_directory(status))
        return {};
    if (!std::filesystem::is_regular_file(status)) // reading a pipe or device might never end
        return fail(ErrorCode::Unsupported, "is no regular file; copy the model to one");
    if (!std::ifstream(file))
        return fail(ErrorCode::IoError, "cannot be read; check that you may read it");
    return {};
}

std::string formatNames() {
    std::string names;
    for (const auto &importer : builtinImporters())
        names += (names.empty() ? "" : ", ") + importer->formatName();
    return names;
}

/// The importer whose probe of the first bytes is highest.
Result<const Importer *> chooseImporter(const std::filesystem::path &file) {
    std::error_code error;
    const bool folder = std::filesystem::is_directory(file, error);
    const std::vector<std::byte> head = folder ? std::vector<std::byte>() : readHead(file);
    const Importer *best = nullptr;
    int bestScore = 0;
    for (const auto &importer : builtinImporters())
        if (const int score = folder ? (importer->opensFolders() ? 1 : 0) : importer->probe(head);
            score > bestScore) {
            best = importer.get();
            bestScore = score;
        }
    if (!best)
        return fail(ErrorCode::Unsupported,
                    fmt::format("is not a model that can be opened: it looks like {}. "
                                "Models can be opened from: {}",
                                describeFileKind(head), formatNames()));
    return best;
}

/// Reading all weights once takes longer than anybody waits for a list of layers when there are many.
Status inspect(const Model &model, FindingList &findings, const RunContext &ctx) {
    if (isDifference(model.graph)) // nothing of it is computed yet
        return {};
    constexpr std::size_t kMostBytes = std::size_t(512) << 20;
    std::size_t bytes = 0;
    for (const auto &[id, tensor] : model.graph.constants())
        bytes += tensor.sizeBytes();
    if (bytes <= kMostBytes)
        return inspectWeights(model, findings, ctx);
    findings.add(
        Severity::Info,
        fmt::format("{:.1f} GB of weights were not searched for NaN and infinite values, to open faster",
                    static_cast<double>(bytes) / 1e9),
        model.file.filename().string(), "The statistics of a layer count them.");
    return {};
}

Result<Model> load(const std::filesystem::path &file, FindingList &findings, const RunContext &ctx) {
    QS_CHECK_OK(checkReadable(file));
    QS_TRY(const Importer *importer, chooseImporter(file));
    QS_TRY(Model model, importer->load(file, findings, ctx));
    QS_CHECK_OK(inspect(model, findings, ctx));
    return model;
}

} // namespace

Result<std::shared_ptr<const Model>> openModel(const std::filesystem::path &file, FindingList &findings,
                                               const RunContext &ctx) {
    // "folder/" is the folder, not a nameless file in it.
    const std::filesystem::path path = file.has_filename() ? file : file.parent_path();
    auto model = load(path, findings, ctx);
    if (!model)
        return fail(std::move(model).error().withContext(path.filename().string()));
    return std::make_shared<const Model>(std::move(*model));
}

} // namespace qs
