#include "core/graph/graph_copy.h"

#include <set>

namespace qs {
namespace {

/// Everything but values and what follows from them.
GraphBuilder copyHeader(const ModelGraph &graph) {
    GraphBuilder builder;
    builder.setName(graph.name(), graph.producer());
    builder.setIrVersion(graph.irVersion());
    for (const auto &[domain, version] : graph.opsets())
        builder.setOpset(domain, version);
    return builder;
}

} // namespace

GraphBuilder copyFrame(const ModelGraph &graph) {
    GraphBuilder builder = copyHeader(graph);
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

Result<ModelGraph> withOuterInputs(const ModelGraph &subgraph) {
    GraphBuilder builder = copyHeader(subgraph);
    for (const Value &value : subgraph.values())
        builder.describeType(builder.value(value.name), value.dtype);
    for (const ValueId id : subgraph.inputs())
        builder.addInput(id);
    for (const std::string &name : openValues(subgraph))
        builder.addInput(builder.value(name));
    for (const ValueId id : subgraph.outputs())
        builder.addOutput(id);
    for (const auto &[id, tensor] : subgraph.constants())
        QS_CHECK_OK(builder.addConstant(id, tensor));
    for (const Node &node : subgraph.nodes())
        QS_CHECK_OK(builder.addNode(node));
    return std::move(builder).finish();
}

} // namespace qs
