#include "tests/support/onnx_builder.h"

namespace qs {

OnnxBuilder::OnnxBuilder(std::int64_t opset, std::int64_t irVersion) {
    m_model.set_ir_version(irVersion);
    m_model.set_producer_name("quantoscope tests");
    m_model.add_opset_import()->set_version(opset);
    graph().set_name("test");
}

onnx::ValueInfoProto &OnnxBuilder::input(const std::string &name, DType type,
                                         const std::vector<std::int64_t> &dims) {
    onnx::ValueInfoProto &info = *graph().add_input();
    describe(info, name, type, dims);
    return info;
}

onnx::ValueInfoProto &OnnxBuilder::output(const std::string &name, DType type,
                                          const std::vector<std::int64_t> &dims) {
    onnx::ValueInfoProto &info = *graph().add_output();
    describe(info, name, type, dims);
    return info;
}

onnx::TensorProto &OnnxBuilder::initializer(const std::string &name, DType type,
                                            const std::vector<std::int64_t> &dims,
                                            const std::string &rawData) {
    onnx::TensorProto &tensor = *graph().add_initializer();
    fill(tensor, name, type, dims, rawData);
    return tensor;
}

onnx::NodeProto &OnnxBuilder::node(const std::string &opType, const std::vector<std::string> &inputs,
                                   const std::vector<std::string> &outputs) {
    return addNode(graph(), opType, inputs, outputs);
}

onnx::NodeProto &OnnxBuilder::addNode(onnx::GraphProto &graph, const std::string &opType,
                                      const std::vector<std::string> &inputs,
                                      const std::vector<std::string> &outputs) {
    onnx::NodeProto &node = *graph.add_node();
    node.set_op_type(opType);
    for (const std::string &name : inputs)
        node.add_input(name);
    for (const std::string &name : outputs)
        node.add_output(name);
    return node;
}

void OnnxBuilder::describe(onnx::ValueInfoProto &info, const std::string &name, DType type,
                           const std::vector<std::int64_t> &dims) {
    info.set_name(name);
    auto &tensor = *info.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(static_cast<std::int32_t>(type));
    tensor.mutable_shape(); // rank 0 is a shape, too
    for (const std::int64_t dim : dims) {
        if (dim < 0)
            tensor.mutable_shape()->add_dim()->set_dim_param("batch");
        else
            tensor.mutable_shape()->add_dim()->set_dim_value(dim);
    }
}

void OnnxBuilder::fill(onnx::TensorProto &tensor, const std::string &name, DType type,
                       const std::vector<std::int64_t> &dims, const std::string &rawData) {
    tensor.set_name(name);
    tensor.set_data_type(static_cast<std::int32_t>(type));
    for (const std::int64_t dim : dims)
        tensor.add_dims(dim);
    if (!rawData.empty())
        tensor.set_raw_data(rawData);
}

onnx::AttributeProto &OnnxBuilder::attribute(onnx::NodeProto &node, const std::string &name,
                                             onnx::AttributeProto_AttributeType type) {
    onnx::AttributeProto &attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(type);
    return attribute;
}

} // namespace qs
