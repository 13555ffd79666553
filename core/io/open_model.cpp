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
        return fail(ErrorCode::Unsupported, "is a folder; open the model file in it");
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

Result<Model> load(const std::filesystem::path &file, FindingList &findings, const RunContext &ctx) {
    QS_CHECK_OK(checkReadable(file));
    const std::vector<std::byte> head = readHead(file);
    const Importer *best = nullptr;
    int bestScore = 0;
    for (const auto &importer : builtinImporters())
        if (const int score = importer->probe(head); score > bestScore) {
            best = importer.get();
            bestScore = score;
        }
    if (!best)
        return fail(ErrorCode::Unsupported,
                    fmt::format("is not a model that can be opened: it looks like {}. "
                                "Models can be opened from: {}",
                                describeFileKind(head), formatNames()));
    QS_TRY(Model model, best->load(file, findings, ctx));
    QS_CHECK_OK(inspectWeights(model, findings, ctx));
    return model;
}

} // namespace

Result<std::shared_ptr<const Model>> openModel(const std::filesystem::path &file, FindingList &findings,
                                               const RunContext &ctx) {
    auto model = load(file, findings, ctx);
    if (!model)
        return fail(std::move(model).error().withContext(file.filename().string()));
    return std::make_shared<const Model>(std::move(*model));
}

} // namespace qs
