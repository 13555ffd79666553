#include "core/export/exporters/onnx_from_graph.h"

#include "core/export/exporters/onnx_graph_edit.h"
#include "core/graph/node_name.h"
#include "core/graph/stored_weight.h"
#include "core/graph/weights_only.h"

#include <onnx/onnx_pb.h>

namespace qs {
namespace {

/// Writes the value of an attribute; false for a kind that graphs from other formats do not have.
struct AttributeWriter {
    onnx::AttributeProto &proto;

    bool operator()(std::int64_t value) const {
        proto.set_type(onnx::AttributeProto::INT);
        proto.set_i(value);
        return true;
    }
    bool operator()(double value) const {
        proto.set_type(onnx::AttributeProto::FLOAT);
        proto.set_f(static_cast<float>(value));
        return true;
    }
    bool operator()(const std::string &value) const {
        proto.set_type(onnx::AttributeProto::STRING);
        proto.set_s(value);
        return true;
    }
    bool operator()(const Tensor &value) const {
        proto.set_type(onnx::AttributeProto::TENSOR);
        setTensor(*proto.mutable_t(), "", value);
        return true;
    }
    bool operator()(const std::shared_ptr<const ModelGraph> &) const { return false; }
    bool operator()(const std::vector<std::int64_t> &values) const {
        proto.set_type(onnx::AttributeProto::INTS);
        proto.mutable_ints()->Assign(values.begin(), values.end());
        return true;
    }
    bool operator()(const std::vector<double> &values) const {
        proto.set_type(onnx::AttributeProto::FLOATS);
        for (const double value : values)
            proto.add_floats(static_cast<float>(value));
        return true;
    }
    bool operator()(const std::vector<std::string> &values) const {
        proto.set_type(onnx::AttributeProto::STRINGS);
        proto.mutable_strings()->Assign(values.begin(), values.end());
        return true;
    }
};

void writeValue(onnx::ValueInfoProto &proto, const Value &value) {
    proto.set_name(value.name);
    auto &type = *proto.mutable_type()->mutable_tensor_type();
    type.set_elem_type(static_cast<int>(value.dtype));
    if (!value.hasShape)
        return;
    auto &shape = *type.mutable_shape();
    for (int axis = 0; axis < value.shape.rank(); ++axis) {
        auto &dim = *shape.add_dim();
        if (value.shape[axis] >= 0)
            dim.set_dim_value(value.shape[axis]);
        else
            dim.set_dim_param(value.dimNames[static_cast<std::size_t>(axis)]);
    }
}

Status writeNode(onnx::NodeProto &proto, const Node &node, const ModelGraph &graph) {
    const auto nameOf = [&](ValueId id) { return id == kNoValue ? std::string() : graph.value(id).name; };
    proto.set_name(node.name);
    proto.set_op_type(node.opType);
    proto.set_domain(node.domain);
    for (const ValueId input : node.inputs)
        proto.add_input(nameOf(input));
    for (const ValueId output : node.outputs)
        proto.add_output(nameOf(output));
    for (const auto &[name, value] : node.attributes) {
        if (name == kStoredWeight) // no part of the computation
            continue;
        auto &attribute = *proto.add_attribute();
        attribute.set_name(name);
        if (!std::visit(AttributeWriter{attribute}, value))
            return fail(ErrorCode::Unsupported, "subgraphs cannot be written", nodeLabel(node));
    }
    return {};
}

} // namespace

Result<std::shared_ptr<onnx::ModelProto>> onnxFromGraph(const ModelGraph &graph) {
    if (isWeightsOnly(graph))
        return fail(ErrorCode::Unsupported, kNoGraphText);
    auto model = std::make_shared<onnx::ModelProto>();
    model->set_ir_version(graph.irVersion());
    model->set_producer_name(graph.producer());
    for (const auto &[domain, version] : graph.opsets()) {
        auto &opset = *model->add_opset_import();
        opset.set_domain(domain);
        opset.set_version(version);
    }
    onnx::GraphProto &proto = *model->mutable_graph();
    proto.set_name(graph.name());
    for (const ValueId id : graph.inputs())
        writeValue(*proto.add_input(), graph.value(id));
    for (const ValueId id : graph.outputs())
        writeValue(*proto.add_output(), graph.value(id));
    // In the order of ids, so that the same graph gives the same bytes.
    for (std::size_t i = 0; i < graph.values().size(); ++i)
        if (const Tensor *tensor = graph.constant(static_cast<ValueId>(i)))
            setTensor(*proto.add_initializer(), graph.values()[i].name, *tensor);
    for (const Node &node : graph.nodes())
        QS_CHECK_OK(writeNode(*proto.add_node(), node, graph));
    return model;
}

} // namespace qs
