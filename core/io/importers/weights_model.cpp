#include "core/io/importers/weights_model.h"

#include "core/base/content_hash.h"
#include "core/graph/weights_only.h"

#include <algorithm>
#include <fmt/format.h>
#include <new>

namespace qs {

Result<Model> weightsModel(const std::filesystem::path &file, const std::string &format,
                           std::vector<NamedTensor> tensors, FindingList &findings, const RunContext &ctx) {
    std::stable_sort(tensors.begin(), tensors.end(),
                     [](const NamedTensor &a, const NamedTensor &b) { return naturalLess(a.name, b.name); });
    Model model;
    model.file = file;
    model.format = format;
    QS_TRY(model.sha256, sourceHash(file, ctx));
    WeightsOnlyBuilder builder(file.filename().string());
    for (NamedTensor &named : tensors)
        QS_CHECK_OK(builder.add(named.name, std::move(named.tensor)));
    QS_TRY(model.graph, std::move(builder).finish());
    model.layers = findLayers(model.graph);
    findings.add(Severity::Info, kNoGraphText, file.filename().string());
    return model;
}

Result<Model> guardedLoad(const std::function<Result<Model>()> &load) {
    try {
        return load();
    } catch (const std::bad_alloc &) {
        return fail(ErrorCode::OutOfMemory, "needs more memory than there is. Close other programs");
    } catch (const std::exception &exception) {
        return fail(ErrorCode::CorruptFile, fmt::format("cannot be read: {}", exception.what()));
    }
}

} // namespace qs
