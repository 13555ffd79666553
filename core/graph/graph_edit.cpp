#include "core/graph/graph_edit.h"

#include "core/graph/graph_copy.h"

#include <fmt/format.h>
#include <map>

namespace qs {
namespace {

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

} // namespace

Result<ModelGraph> applyEdit(const ModelGraph &graph, const GraphEdit &edit) {
    GraphBuilder builder = copyFrame(graph);
    QS_CHECK_OK(addNodes(builder, graph, edit));
    QS_CHECK_OK(addConstants(builder, graph, edit));
    // A graph of weights alone, or a subgraph, reads values that nothing in it makes.
    return std::move(builder).finish(openValues(graph));
}

} // namespace qs
