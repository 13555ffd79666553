#include "core/graph/model_edit.h"

#include <algorithm>

namespace qs {
namespace {

bool sameWeight(const Layer &a, const Layer &b) {
    return a.kind == b.kind && a.outChannels == b.outChannels && a.inPerOut == b.inPerOut &&
           a.groups == b.groups && a.weightShape == b.weightShape;
}

} // namespace

Result<std::shared_ptr<const Model>> applyEdit(const Model &model, const GraphEdit &edit) {
    auto changed = std::make_shared<Model>();
    changed->file = model.file;
    changed->sha256 = model.sha256;
    changed->format = model.format;
    QS_TRY(changed->graph, applyEdit(model.graph, edit));
    std::vector<Layer> found = findLayers(changed->graph);
    for (const Layer &layer : model.layers) {
        const std::string &node = model.graph.node(layer.node).name;
        const auto same = std::find_if(found.begin(), found.end(), [&](const Layer &candidate) {
            return changed->graph.node(candidate.node).name == node;
        });
        if (same == found.end() || !sameWeight(*same, layer))
            return fail(ErrorCode::CorruptFile, "the change of the model takes the layer or its weight away",
                        layer.name);
        same->id = layer.id;
        same->name = layer.name;
        changed->layers.push_back(*same);
    }
    return std::shared_ptr<const Model>(std::move(changed));
}

} // namespace qs
