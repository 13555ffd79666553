#include "core/export/exporters/onnx_graph_edit.h"

#include <algorithm>
#include <onnx/onnx_pb.h>

namespace qs {
namespace {

using Names = std::unordered_set<std::string>;

template <typename Visit>
void forEachSubgraph(const onnx::NodeProto &node, const Visit &visit) {
    for (const auto &attribute : node.attribute()) {
        if (attribute.has_g())
            visit(attribute.g());
        for (const auto &graph : attribute.graphs())
            visit(graph);
    }
}

void collectNames(const onnx::GraphProto &graph, Names &names) {
    for (const auto &value : graph.input())
        names.insert(value.name());
    for (const auto &value : graph.value_info())
        names.insert(value.name());
    for (const auto &tensor : graph.initializer())
        names.insert(tensor.name());
    for (const auto &tensor : graph.sparse_initializer())
        names.insert(tensor.values().name());
    for (const auto &node : graph.node()) {
        names.insert(node.name());
        names.insert(node.input().begin(), node.input().end());
        names.insert(node.output().begin(), node.output().end());
        forEachSubgraph(node, [&](const onnx::GraphProto &inner) { collectNames(inner, names); });
    }
}

/// What nodes and graph outputs read, subgraphs included.
void collectReads(const onnx::GraphProto &graph, Names &reads) {
    for (const auto &value : graph.output())
        reads.insert(value.name());
    for (const auto &node : graph.node()) {
        reads.insert(node.input().begin(), node.input().end());
        forEachSubgraph(node, [&](const onnx::GraphProto &inner) { collectReads(inner, reads); });
    }
}

template <typename Field, typename Predicate>
void eraseIf(Field &field, const Predicate &predicate) {
    field.erase(std::remove_if(field.begin(), field.end(), predicate), field.end());
}

} // namespace

OnnxNames::OnnxNames(const onnx::GraphProto &graph) {
    collectNames(graph, m_taken);
}

std::string OnnxNames::unique(const std::string &wish) {
    std::string name = wish;
    for (int copy = 2; !m_taken.insert(name).second; ++copy)
        name = wish + "_" + std::to_string(copy);
    return name;
}

void setTensor(onnx::TensorProto &proto, std::string name, const Tensor &tensor) {
    proto.Clear();
    proto.set_name(std::move(name));
    proto.set_data_type(static_cast<std::int32_t>(tensor.dtype()));
    for (const std::int64_t dim : tensor.shape())
        proto.add_dims(dim);
    proto.set_raw_data(tensor.bytes(), tensor.sizeBytes());
}

OnnxGraphEdit::OnnxGraphEdit(onnx::GraphProto &graph) : m_graph(graph), m_names(graph) {
    for (int position = 0; position < graph.node_size(); ++position)
        for (const std::string &output : graph.node(position).output())
            m_producers.emplace(output, position);
}

OnnxGraphEdit::~OnnxGraphEdit() = default;

int OnnxGraphEdit::producerOf(const std::string &value) const {
    const auto found = m_producers.find(value);
    return found == m_producers.end() ? -1 : found->second;
}

const onnx::NodeProto &OnnxGraphEdit::node(int position) const {
    return m_graph.node(position);
}

void OnnxGraphEdit::setInput(int position, int index, const std::string &value) {
    std::string &input = *m_graph.mutable_node(position)->mutable_input(index);
    m_replaced.insert(input);
    input = value;
}

std::string OnnxGraphEdit::addInitializer(const std::string &wish, const Tensor &tensor) {
    const std::string name = m_names.unique(wish);
    setTensor(*m_graph.add_initializer(), name, tensor);
    return name;
}

onnx::NodeProto &OnnxGraphEdit::newNode(std::map<int, std::vector<onnx::NodeProto>> &place, int position,
                                        const std::string &opType, const std::vector<std::string> &inputs,
                                        const std::string &output) {
    onnx::NodeProto &node = place[position].emplace_back();
    node.set_op_type(opType);
    node.set_name(m_names.unique(output + "/" + opType));
    for (const std::string &input : inputs)
        node.add_input(input);
    node.add_output(output);
    return node;
}

std::string OnnxGraphEdit::addNode(int before, const std::string &opType,
                                   const std::vector<std::string> &inputs, const std::string &outputWish,
                                   const std::map<std::string, std::int64_t> &attributes) {
    const std::string output = m_names.unique(outputWish);
    onnx::NodeProto &node = newNode(m_newNodes, before, opType, inputs, output);
    for (const auto &[name, value] : attributes) {
        onnx::AttributeProto &attribute = *node.add_attribute();
        attribute.set_name(name);
        attribute.set_type(onnx::AttributeProto::INT);
        attribute.set_i(value);
    }
    return output;
}

std::string OnnxGraphEdit::addNodeAfter(int after, const std::string &opType,
                                        const std::vector<std::string> &inputs,
                                        const std::string &outputWish) {
    const std::string output = m_names.unique(outputWish);
    newNode(m_nodesAfter, after, opType, inputs, output);
    return output;
}

std::string OnnxGraphEdit::addCopyAfter(int original, const std::vector<std::string> &inputs,
                                        const std::string &outputWish) {
    const onnx::NodeProto &like = node(original);
    const std::string output = m_names.unique(outputWish);
    onnx::NodeProto &copy = newNode(m_nodesAfter, original, like.op_type(), inputs, output);
    copy.set_domain(like.domain());
    *copy.mutable_attribute() = like.attribute();
    return output;
}

void OnnxGraphEdit::addToOutput(int position, const std::string &summand) {
    std::string &output = *m_graph.mutable_node(position)->mutable_output(0);
    const std::string sum = std::exchange(output, m_names.unique(output + "_alone"));
    newNode(m_nodesAfter, position, "Add", {output, summand}, sum);
}

void OnnxGraphEdit::finish() {
    google::protobuf::RepeatedPtrField<onnx::NodeProto> ordered;
    const auto insert = [&ordered](auto &places, int position) {
        if (const auto added = places.find(position); added != places.end())
            for (onnx::NodeProto &node : added->second)
                ordered.Add(std::move(node));
    };
    for (int position = 0; position < m_graph.node_size(); ++position) {
        insert(m_newNodes, position);
        ordered.Add()->Swap(m_graph.mutable_node(position));
        insert(m_nodesAfter, position);
    }
    m_graph.mutable_node()->Swap(&ordered);
    m_newNodes.clear();
    m_nodesAfter.clear();
    dropUnread();
}

/// Operators that only brought a weight to a rewired input go with it, and then what they had read.
void OnnxGraphEdit::dropUnreadNodes() {
    for (bool changed = true; changed;) {
        Names reads;
        collectReads(m_graph, reads);
        const int before = m_graph.node_size();
        eraseIf(*m_graph.mutable_node(), [&](const onnx::NodeProto &node) {
            const auto &outputs = node.output();
            if (std::ranges::any_of(outputs, [&](const auto &name) { return reads.contains(name); }) ||
                std::ranges::none_of(outputs, [&](const auto &name) { return m_replaced.contains(name); }))
                return false;
            m_replaced.insert(node.input().begin(), node.input().end());
            m_dropped.insert(outputs.begin(), outputs.end());
            return true;
        });
        changed = m_graph.node_size() < before;
    }
}

void OnnxGraphEdit::dropUnread() {
    dropUnreadNodes();
    Names reads;
    collectReads(m_graph, reads);
    const auto isUnread = [&](const std::string &name) {
        return m_replaced.contains(name) && !reads.contains(name);
    };
    eraseIf(*m_graph.mutable_initializer(), [&](const auto &tensor) {
        return isUnread(tensor.name()) && m_dropped.insert(tensor.name()).second;
    });
    eraseIf(*m_graph.mutable_sparse_initializer(), [&](const auto &tensor) {
        return isUnread(tensor.values().name()) && m_dropped.insert(tensor.values().name()).second;
    });
    // Until IR 4 every initializer was listed as an input too.
    const auto isDropped = [&](const auto &value) { return m_dropped.contains(value.name()); };
    eraseIf(*m_graph.mutable_input(), isDropped);
    eraseIf(*m_graph.mutable_value_info(), isDropped);
    eraseIf(*m_graph.mutable_quantization_annotation(),
            [&](const auto &annotation) { return m_dropped.contains(annotation.tensor_name()); });
}

} // namespace qs
