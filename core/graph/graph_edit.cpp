#include "core/graph/graph_edit.h"

#include <fmt/format.h>
#include <map>
#include <set>

namespace qs {
namespace {

/// Copies what does not change: values in their order, so that ids stay, inputs, outputs, opsets.
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

Status addConstants(GraphBuilder &builder, const ModelGraph &graph, const GraphEdit &edit) {
    std::map<std::string, Tensor> changed;
    for (const GraphEdit::Constant &constant : edit.constants)
        changed[constant.name] = constant.value;
    for (const auto &[id, tensor] : graph.constants())
        if (!changed.contains(graph.value(id).name))
            QS_CHECK_OK(builder.addConstant(id, tensor));
    for (const auto &[name, tensor] : changed)
        QS_CHECK_OK(builder.addConstant(builder.value(name), tensor));
    return {};
}

Status addNodes(GraphBuilder &builder, const ModelGraph &graph, const GraphEdit &edit) {
    std::map<std::pair<std::string, int>, std::string> rewired;
    for (const GraphEdit::Input &input : edit.inputs)
        rewired[{input.nodeOutput, input.index}] = input.value;
    for (Node node : graph.nodes()) {
        const std::string output = node.outputs.empty() ? "" : graph.value(node.outputs[0]).name;
        for (std::size_t i = 0; i < node.inputs.size(); ++i)
            if (const auto found = rewired.find({output, static_cast<int>(i)}); found != rewired.end()) {
                node.inputs[i] = builder.value(found->second);
                rewired.erase(found);
            }
        // A Constant node whose value is replaced is replaced by a constant.
        const bool replaced = !node.outputs.empty() && graph.constant(node.outputs[0]) &&
                              std::any_of(edit.constants.begin(), edit.constants.end(),
                                          [&](const GraphEdit::Constant &constant) {
                                              return constant.name == graph.value(node.outputs[0]).name;
                                          });
        if (!replaced)
            QS_CHECK_OK(builder.addNode(std::move(node)));
    }
    if (!rewired.empty())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("there is no input {} to rewire", rewired.begin()->first.second),
                    rewired.begin()->first.first);
    for (const GraphEdit::NewNode &added : edit.nodes) {
        Node node;
        node.name = added.name;
        node.opType = added.opType;
        for (const std::string &input : added.inputs)
            node.inputs.push_back(builder.value(input));
        node.outputs = {builder.value(added.output)};
        QS_CHECK_OK(builder.addNode(std::move(node)));
    }
    return {};
}

/// Values that nothing made before the edit, as in a graph of weights alone.
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

} // namespace

Result<ModelGraph> applyEdit(const ModelGraph &graph, const GraphEdit &edit) {
    GraphBuilder builder = copyFrame(graph);
    QS_CHECK_OK(addNodes(builder, graph, edit));
    QS_CHECK_OK(addConstants(builder, graph, edit));
    return std::move(builder).finish(openValues(graph));
}

} // namespace qs
