#include "core/export/exporters/onnx_transform_edit.h"

#include "core/export/exporters/onnx_graph_edit.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

namespace qs {
namespace {

using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

/// Position of the node that makes a value; -1 when none does.
int producerOf(const Nodes &nodes, const std::string &value) {
    for (int position = 0; position < nodes.size(); ++position)
        for (const std::string &output : nodes[position].output())
            if (output == value)
                return position;
    return -1;
}

void setConstant(onnx::GraphProto &graph, const GraphEdit::Constant &constant) {
    for (onnx::TensorProto &initializer : *graph.mutable_initializer())
        if (initializer.name() == constant.name)
            return setTensor(initializer, constant.name, constant.value);
    const int node = producerOf(graph.node(), constant.name); // a Constant operator
    if (node >= 0)
        graph.mutable_node()->DeleteSubrange(node, 1);
    setTensor(*graph.add_initializer(), constant.name, constant.value);
}

/// Behind the node that makes its first input; the second is a constant.
void addNode(Nodes &nodes, const GraphEdit::NewNode &added) {
    onnx::NodeProto node;
    node.set_name(added.name);
    node.set_op_type(added.opType);
    for (const std::string &input : added.inputs)
        node.add_input(input);
    node.add_output(added.output);
    const int place = producerOf(nodes, added.inputs[0]) + 1;
    *nodes.Add() = std::move(node);
    for (int position = nodes.size() - 1; position > place; --position)
        nodes.SwapElements(position, position - 1);
}

} // namespace

Status applyToOnnx(const GraphEdit &edit, onnx::GraphProto &graph) {
    for (const GraphEdit::Constant &constant : edit.constants)
        setConstant(graph, constant);
    for (const GraphEdit::Input &input : edit.inputs) {
        const int node = producerOf(graph.node(), input.nodeOutput);
        if (node < 0 || input.index >= graph.node(node).input_size())
            return fail(ErrorCode::Unsupported,
                        "the transforms changed an operator that the file does not have", input.nodeOutput);
        *graph.mutable_node(node)->mutable_input(input.index) = input.value;
    }
    for (const GraphEdit::NewNode &node : edit.nodes)
        addNode(*graph.mutable_node(), node);
    return {};
}

} // namespace qs
