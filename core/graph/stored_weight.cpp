#include "core/graph/stored_weight.h"

namespace qs {

const Tensor &storedWeight(const Layer &layer, const ModelGraph &graph) {
    const auto &attributes = graph.node(layer.node).attributes;
    const auto found = attributes.find(kStoredWeight);
    const Tensor *stored = found == attributes.end() ? nullptr : std::get_if<Tensor>(&found->second);
    return stored ? *stored : *graph.constant(layer.weight);
}

} // namespace qs
