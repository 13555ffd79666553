#include "core/io/checkpoint_weights.h"

#include "core/graph/weights_only.h"
#include "core/io/file_kind.h"
#include "core/io/importer.h"
#include "core/io/importers/safetensors_files.h"
#include "core/io/importers/safetensors_header.h"
#include "core/io/model_difference.h"

#include <algorithm>
#include <set>

namespace qs {
namespace {

bool isSafetensors(const std::filesystem::path &path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        return true;
    const std::vector<std::byte> head = readHead(path);
    const std::string_view text(reinterpret_cast<const char *>(head.data()), head.size());
    return looksLikeSafetensors(head) || looksLikeSafetensorsIndex(text);
}

Result<CheckpointWeights> readTensors(const std::filesystem::path &path, FindingList &findings,
                                      const RunContext &ctx) {
    QS_TRY(const SafetensorsFiles files, findSafetensors(path));
    QS_TRY(std::vector<NamedTensor> tensors, readSafetensors(files, findings, ctx));
    std::ranges::stable_sort(
        tensors, [](const NamedTensor &a, const NamedTensor &b) { return naturalLess(a.name, b.name); });
    CheckpointWeights weights;
    for (NamedTensor &named : tensors) {
        const Shape &shape = named.tensor.shape();
        if (const auto kind = weightKind(named.name, named.tensor))
            weights.matrices.push_back({layerNameOf(named.name),
                                        named.name,
                                        *kind,
                                        {named.tensor, false},
                                        shape[0],
                                        shape.numelBetween(1, shape.rank())});
        else if (isFloatingPoint(named.tensor.dtype()))
            weights.others.push_back(std::move(named));
    }
    return weights;
}

Result<CheckpointWeights> readModel(const std::filesystem::path &path, FindingList &findings,
                                    const RunContext &ctx) {
    QS_TRY(const auto model, openModel(path, findings, ctx));
    if (isDifference(model->graph))
        return fail(ErrorCode::Unsupported, "is a difference itself; choose the checkpoints it is made of",
                    path.filename().string());
    CheckpointWeights weights;
    std::set<ValueId> taken;
    for (const Layer &layer : model->layers) {
        if (!taken.insert(layer.weight).second) // a weight that two layers share
            continue;
        weights.matrices.push_back({layer.name,
                                    layer.name + ".weight",
                                    layer.kind,
                                    {*model->graph.constant(layer.weight), layer.transposed},
                                    layer.outChannels,
                                    layer.inPerOut});
    }
    for (const auto &[id, tensor] : model->graph.constants())
        if (!taken.contains(id) && isFloatingPoint(tensor.dtype()) && tensor.numel() > 1)
            weights.others.push_back({model->graph.value(id).name, tensor});
    std::ranges::sort(weights.others,
                      [](const NamedTensor &a, const NamedTensor &b) { return naturalLess(a.name, b.name); });
    return weights;
}

} // namespace

Result<CheckpointWeights> readCheckpoint(const std::filesystem::path &path, FindingList &findings,
                                         const RunContext &ctx) {
    std::error_code error;
    if (!std::filesystem::exists(path, error))
        return fail(ErrorCode::NotFound, "there is no such file; check its path", path.string());
    auto weights = isSafetensors(path) ? readTensors(path, findings, ctx) : readModel(path, findings, ctx);
    if (!weights)
        return fail(std::move(weights).error().withContext(path.filename().string()));
    return weights;
}

} // namespace qs
