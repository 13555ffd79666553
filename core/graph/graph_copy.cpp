#include "core/graph/graph_copy.h"

#include <set>

namespace qs {

GraphBuilder copyFrame(const ModelGraph &graph) {
    GraphBuilder builder;
    builder.setName(graph.name(), graph.producer());
    builder.setIrVersion(graph.irVersion());
    for (const auto &[domain, version] : graph.opsets())
        builder.setOpset(domain, version);
    for (const Value &value : graph.values()) {
        const ValueId id = builder.value(value.name);
        if (value.hasShape)
            builder.describe(id, value.dtype, value.shape, value.dimNames);
        else
            builder.describeType(id, value.dtype);
    }
    for (const ValueId id : graph.inputs())
        builder.addInput(id);
    for (const ValueId id : graph.outputs())
        builder.addOutput(id);
    return builder;
}

std::vector<std::string> openValues(const ModelGraph &graph) {
    std::vector<std::string> names;
    const std::set<ValueId> given(graph.inputs().begin(), graph.inputs().end());
    for (std::size_t i = 0; i < graph.values().size(); ++i) {
        const auto id = static_cast<ValueId>(i);
        if (graph.value(id).producer == kNoNode && !graph.constant(id) && !given.contains(id))
            names.push_back(graph.value(id).name);
    }
    return names;
}

} // namespace qs
