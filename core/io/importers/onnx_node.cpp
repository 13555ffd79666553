#include "core/io/importers/onnx_graph.h"

#include "core/graph/node_operands.h"
#include "core/io/safe_text.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

// The part of OnnxGraphReader that reads single nodes.

namespace qs {
namespace {

constexpr int kMaxDepth = 64;

using AttributeType = onnx::AttributeProto;

/// Files before IR version 2 leave the type out; the filled field tells it.
onnx::AttributeProto_AttributeType typeOf(const onnx::AttributeProto &attribute) {
    if (attribute.type() != AttributeType::UNDEFINED)
        return attribute.type();
    if (attribute.has_f())
        return AttributeType::FLOAT;
    if (attribute.has_i())
        return AttributeType::INT;
    if (attribute.has_s())
        return AttributeType::STRING;
    if (attribute.has_t())
        return AttributeType::TENSOR;
    if (attribute.has_g())
        return AttributeType::GRAPH;
    if (attribute.floats_size() > 0)
        return AttributeType::FLOATS;
    if (attribute.ints_size() > 0)
        return AttributeType::INTS;
    return attribute.strings_size() > 0 ? AttributeType::STRINGS : AttributeType::UNDEFINED;
}

Tensor stringTensor(Shape shape) {
    return Tensor::allocate(DType::String, std::move(shape));
}

} // namespace

std::string normalOnnxDomain(const std::string &domain) {
    return domain == "ai.onnx" ? std::string() : safeName(domain);
}

bool isOnnxConstant(const onnx::NodeProto &node) {
    return node.op_type() == "Constant" && normalOnnxDomain(node.domain()).empty();
}

std::string OnnxGraphReader::uniqueNodeName(const onnx::NodeProto &node) {
    const std::string suffix = fmt::format("_{}", m_nodes++);
    std::string name = node.name().empty() ? safeName(node.op_type()) + suffix : safeName(node.name());
    while (!m_nodeNames.insert(name).second)
        name += suffix;
    return name;
}

Status OnnxGraphReader::readNode(onnx::NodeProto &message, GraphBuilder &builder, Scope &scope) {
    if (m_ctx.cancelled())
        return RunContext::cancelledError();
    Node node;
    node.opType = safeName(message.op_type());
    node.domain = normalOnnxDomain(message.domain());
    node.name = uniqueNodeName(message);
    const std::string place = fmt::format("node '{}'", node.name);
    const auto inContext = [&](Status status) -> Status {
        return status ? status : fail(std::move(status).error().withContext(place));
    };
    if (isOnnxConstant(message))
        return inContext(readConstantNode(message, builder));
    for (const auto &input : message.input())
        node.inputs.push_back(readName(builder, scope, input));
    for (const auto &output : message.output()) {
        if (scope.inputs.contains(safeName(output)))
            return fail(ErrorCode::CorruptFile,
                        fmt::format("it writes '{}', which is a graph input", safeName(output)), place);
        node.outputs.push_back(builder.value(safeName(output)));
    }
    QS_CHECK_OK(inContext(checkOperands(node)));
    QS_CHECK_OK(inContext(readAttributes(message, node, builder, scope)));
    return inContext(builder.addNode(std::move(node)));
}

Status OnnxGraphReader::readConstantNode(onnx::NodeProto &node, GraphBuilder &builder) {
    if (node.attribute_size() != 1 || node.output_size() != 1)
        return fail(ErrorCode::CorruptFile,
                    fmt::format("a Constant needs one attribute and one output, this has {} and {}",
                                node.attribute_size(), node.output_size()));
    auto &value = *node.mutable_attribute(0);
    const auto list = [](const auto &field) { return Shape{static_cast<std::int64_t>(field.size())}; };
    Result<Tensor> tensor;
    if (value.name() == "value" && value.has_t())
        tensor = readOnnxTensor(*value.mutable_t(), m_external);
    else if (value.name() == "sparse_value" && value.has_sparse_tensor())
        tensor = readOnnxSparseTensor(*value.mutable_sparse_tensor(), m_external, m_sparseBudget);
    else if (value.name() == "value_float")
        tensor = Tensor::scalar(value.f());
    else if (value.name() == "value_int")
        tensor = Tensor::scalar(static_cast<std::int64_t>(value.i()));
    else if (value.name() == "value_floats")
        tensor = Tensor::fromValues<float>(list(value.floats()),
                                           {value.floats().data(), std::size_t(value.floats_size())});
    else if (value.name() == "value_ints") {
        const std::vector<std::int64_t> ints(value.ints().begin(), value.ints().end());
        tensor = Tensor::fromValues<std::int64_t>(list(ints), ints);
    } else if (value.name() == "value_string")
        tensor = stringTensor({});
    else if (value.name() == "value_strings")
        tensor = stringTensor(list(value.strings()));
    else
        return fail(ErrorCode::CorruptFile,
                    fmt::format("a Constant has no attribute '{}'", safeName(value.name())));
    return addConstant(builder, node.output(0), std::move(tensor));
}

Status OnnxGraphReader::readAttributes(onnx::NodeProto &message, Node &node, GraphBuilder &builder,
                                       Scope &scope) {
    for (auto &attribute : *message.mutable_attribute()) {
        const std::string name = safeName(attribute.name());
        auto value = readAttribute(attribute, builder, scope);
        if (!value)
            return fail(std::move(value).error().withContext(fmt::format("attribute '{}'", name)));
        if (!*value)
            m_droppedAttributes.add(node.name + "." + name);
        else if (!node.attributes.emplace(name, std::move(**value)).second)
            return fail(ErrorCode::CorruptFile, fmt::format("attribute '{}' is given twice", name));
    }
    return {};
}

Result<std::optional<Attribute>> OnnxGraphReader::readAttribute(onnx::AttributeProto &attribute,
                                                                GraphBuilder &builder, Scope &scope) {
    switch (typeOf(attribute)) {
    case AttributeType::FLOAT:
        return Attribute(static_cast<double>(attribute.f()));
    case AttributeType::INT:
        return Attribute(static_cast<std::int64_t>(attribute.i()));
    case AttributeType::STRING:
        return Attribute(attribute.s());
    case AttributeType::FLOATS:
        return Attribute(std::vector<double>(attribute.floats().begin(), attribute.floats().end()));
    case AttributeType::INTS:
        return Attribute(std::vector<std::int64_t>(attribute.ints().begin(), attribute.ints().end()));
    case AttributeType::STRINGS:
        return Attribute(std::vector<std::string>(attribute.strings().begin(), attribute.strings().end()));
    case AttributeType::TENSOR: {
        QS_TRY(Tensor tensor, readOnnxTensor(*attribute.mutable_t(), m_external));
        return Attribute(std::move(tensor));
    }
    case AttributeType::SPARSE_TENSOR: {
        QS_TRY(Tensor tensor,
               readOnnxSparseTensor(*attribute.mutable_sparse_tensor(), m_external, m_sparseBudget));
        return Attribute(std::move(tensor));
    }
    case AttributeType::GRAPH: {
        QS_TRY(auto graph, readSubgraph(*attribute.mutable_g(), builder, scope));
        return Attribute(std::move(graph));
    }
    default:
        return std::nullopt;
    }
}

Result<std::shared_ptr<const ModelGraph>> OnnxGraphReader::readSubgraph(onnx::GraphProto &message,
                                                                        GraphBuilder &builder, Scope &scope) {
    Scope inner;
    inner.outer = &scope;
    inner.depth = scope.depth + 1;
    if (inner.depth > kMaxDepth)
        return fail(ErrorCode::CorruptFile, fmt::format("subgraphs are nested deeper than {}", kMaxDepth));
    GraphBuilder innerBuilder = newBuilder();
    innerBuilder.setName(safeName(message.name()));
    QS_TRY(ModelGraph graph, readGraph(message, std::move(innerBuilder), inner));
    // What the subgraph reads from further out passes through this graph, which then has a value of that
    // name.
    for (const std::string &name : inner.captured)
        readName(builder, scope, name);
    return std::make_shared<const ModelGraph>(std::move(graph));
}

} // namespace qs
