#include "core/graph/inner_layers.h"

#include "core/graph/graph_copy.h"
#include "core/graph/graph_edit.h"
#include "core/graph/layer.h"

namespace qs {
namespace {

/// The subgraph with the constants of the graph around it that it reads.
Result<ModelGraph> withOuterConstants(const ModelGraph &subgraph, const ModelGraph &outer) {
    GraphEdit edit;
    for (const std::string &name : openValues(subgraph))
        if (const ValueId id = outer.findValue(name); id != kNoValue && outer.constant(id))
            edit.constants.push_back({name, *outer.constant(id)});
    return applyEdit(subgraph, edit);
}

void collect(const ModelGraph &graph, std::vector<std::string> &names) {
    for (const Node &node : graph.nodes())
        for (const auto &[name, attribute] : node.attributes) {
            const auto *subgraph = std::get_if<std::shared_ptr<const ModelGraph>>(&attribute);
            if (!subgraph)
                continue;
            const auto inner = withOuterConstants(**subgraph, graph);
            if (!inner)
                continue; // it cannot run either, and says why when it is tried
            for (const Layer &layer : findLayers(*inner))
                names.push_back(inner->node(layer.node).name);
            collect(*inner, names);
        }
}

} // namespace

std::vector<std::string> innerLayers(const ModelGraph &graph) {
    std::vector<std::string> names;
    collect(graph, names);
    return names;
}

} // namespace qs
