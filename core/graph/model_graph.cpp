#include "core/graph/model_graph.h"

#include <algorithm>
#include <fmt/format.h>
#include <queue>
#include <unordered_set>

namespace qs {
namespace {

template <typename T>
const T *attributeOf(const Node &node, std::string_view name) {
    const auto found = node.attributes.find(std::string(name));
    return found == node.attributes.end() ? nullptr : std::get_if<T>(&found->second);
}

} // namespace

std::int64_t Node::intAttribute(std::string_view name, std::int64_t fallback) const {
    const auto *value = attributeOf<std::int64_t>(*this, name);
    return value ? *value : fallback;
}

double Node::floatAttribute(std::string_view name, double fallback) const {
    const auto *value = attributeOf<double>(*this, name);
    return value ? *value : fallback;
}

std::string Node::stringAttribute(std::string_view name, std::string fallback) const {
    const auto *value = attributeOf<std::string>(*this, name);
    return value ? *value : fallback;
}

std::vector<std::int64_t> Node::intsAttribute(std::string_view name) const {
    const auto *value = attributeOf<std::vector<std::int64_t>>(*this, name);
    return value ? *value : std::vector<std::int64_t>{};
}

bool Node::hasAttribute(std::string_view name) const {
    return attributes.contains(std::string(name));
}

const Tensor *ModelGraph::constant(ValueId id) const {
    const auto found = m_constants.find(id);
    return found == m_constants.end() ? nullptr : &found->second;
}

ValueId ModelGraph::findValue(std::string_view name) const {
    const auto found = m_valueByName.find(std::string(name));
    return found == m_valueByName.end() ? kNoValue : found->second;
}

const std::vector<NodeId> &ModelGraph::consumers(ValueId id) const {
    return m_consumers[static_cast<std::size_t>(id)];
}

std::int64_t ModelGraph::opset(const std::string &domain) const {
    const auto found = m_opsets.find(domain);
    return found == m_opsets.end() ? 0 : found->second;
}

std::int64_t ModelGraph::parameterCount() const {
    std::int64_t count = 0;
    for (const auto &[id, tensor] : m_constants)
        if (isFloatingPoint(tensor.dtype()))
            count += tensor.numel();
    return count;
}

std::vector<ValueId> capturedValues(const ModelGraph &graph, const Node &node) {
    std::vector<ValueId> captured;
    for (const auto &[name, attribute] : node.attributes) {
        const auto *subgraph = std::get_if<std::shared_ptr<const ModelGraph>>(&attribute);
        if (!subgraph)
            continue;
        const std::unordered_set<ValueId> given((*subgraph)->inputs().begin(), (*subgraph)->inputs().end());
        const auto count = static_cast<ValueId>((*subgraph)->values().size());
        for (ValueId id = 0; id < count; ++id) {
            const Value &value = (*subgraph)->value(id);
            const bool local = value.producer != kNoNode || (*subgraph)->constant(id) || given.contains(id);
            if (const ValueId outer = local ? kNoValue : graph.findValue(value.name); outer != kNoValue)
                captured.push_back(outer);
        }
    }
    return captured;
}

namespace {

/// Everything a node needs before it can run, omitted inputs left out.
std::vector<ValueId> dependencies(const ModelGraph &graph, const Node &node) {
    std::vector<ValueId> values = capturedValues(graph, node);
    std::copy_if(node.inputs.begin(), node.inputs.end(), std::back_inserter(values),
                 [](ValueId id) { return id != kNoValue; });
    return values;
}

} // namespace

GraphBuilder::GraphBuilder() = default;

void GraphBuilder::setName(std::string name, std::string producer) {
    m_graph.m_name = std::move(name);
    m_graph.m_producer = std::move(producer);
}

void GraphBuilder::setIrVersion(std::int64_t version) {
    m_graph.m_irVersion = version;
}
void GraphBuilder::setOpset(const std::string &domain, std::int64_t version) {
    m_graph.m_opsets[domain] = version;
}

ValueId GraphBuilder::value(const std::string &name) {
    if (name.empty())
        return kNoValue;
    const auto next = static_cast<ValueId>(m_graph.m_values.size());
    const auto [found, inserted] = m_graph.m_valueByName.try_emplace(name, next);
    if (inserted) {
        m_graph.m_values.emplace_back();
        m_graph.m_values.back().name = name;
    }
    return found->second;
}

void GraphBuilder::describe(ValueId id, DType type, Shape shape, std::vector<std::string> dimNames) {
    Value &value = m_graph.m_values[static_cast<std::size_t>(id)];
    value.dtype = type;
    value.hasShape = true;
    value.shape = std::move(shape);
    value.dimNames = std::move(dimNames);
    value.dimNames.resize(static_cast<std::size_t>(value.shape.rank()));
}

void GraphBuilder::describeType(ValueId id, DType type) {
    m_graph.m_values[static_cast<std::size_t>(id)].dtype = type;
}
void GraphBuilder::addInput(ValueId id) {
    m_graph.m_inputs.push_back(id);
}
void GraphBuilder::addOutput(ValueId id) {
    m_graph.m_outputs.push_back(id);
}

Status GraphBuilder::addConstant(ValueId id, Tensor tensor) {
    Value &value = m_graph.m_values[static_cast<std::size_t>(id)];
    if (value.producer != kNoNode || m_graph.m_constants.contains(id))
        return fail(ErrorCode::CorruptFile, "the name is defined twice", value.name);
    value.dtype = tensor.dtype();
    value.hasShape = true;
    value.shape = tensor.shape();
    value.dimNames.assign(static_cast<std::size_t>(tensor.shape().rank()), {});
    m_graph.m_constants.emplace(id, std::move(tensor));
    return {};
}

Status GraphBuilder::addNode(Node node) {
    const auto id = static_cast<NodeId>(m_graph.m_nodes.size());
    for (const ValueId output : node.outputs) {
        if (output == kNoValue)
            continue;
        Value &value = m_graph.m_values[static_cast<std::size_t>(output)];
        if (value.producer != kNoNode || m_graph.m_constants.contains(output))
            return fail(ErrorCode::CorruptFile, "the name is defined twice", value.name);
        value.producer = id;
    }
    m_graph.m_nodes.push_back(std::move(node));
    return {};
}

namespace {

/// Names that no node's inputs may miss: inputs, constants, outer scopes.
class Availability {
public:
    Availability(const ModelGraph &graph, const std::vector<ValueId> &inputs,
                 const std::vector<std::string> &outerNames)
        : m_graph(graph), m_given(inputs.begin(), inputs.end()),
          m_outer(outerNames.begin(), outerNames.end()) {}

    bool isGiven(ValueId id) const {
        return m_graph.constant(id) || m_given.contains(id) || m_outer.contains(m_graph.value(id).name);
    }

private:
    const ModelGraph &m_graph;
    std::unordered_set<ValueId> m_given;
    std::unordered_set<std::string> m_outer;
};

/// Kahn's algorithm that keeps file order where it is already topological.
Result<std::vector<NodeId>> topologicalOrder(const ModelGraph &graph, const Availability &availability) {
    const auto &nodes = graph.nodes();
    std::vector<int> waiting(nodes.size(), 0);
    std::vector<std::vector<NodeId>> readers(nodes.size());
    for (std::size_t n = 0; n < nodes.size(); ++n) {
        for (const ValueId input : dependencies(graph, nodes[n])) {
            const NodeId producer = graph.value(input).producer;
            if (producer != kNoNode) {
                readers[static_cast<std::size_t>(producer)].push_back(static_cast<NodeId>(n));
                ++waiting[n];
            } else if (!availability.isGiven(input)) {
                return fail(ErrorCode::CorruptFile,
                            fmt::format("node '{}' reads '{}', which nothing produces", nodes[n].name,
                                        graph.value(input).name));
            }
        }
    }
    std::priority_queue<NodeId, std::vector<NodeId>, std::greater<>> ready;
    for (std::size_t n = 0; n < nodes.size(); ++n)
        if (waiting[n] == 0)
            ready.push(static_cast<NodeId>(n));
    std::vector<NodeId> order;
    while (!ready.empty()) {
        const NodeId id = ready.top();
        ready.pop();
        order.push_back(id);
        for (const NodeId reader : readers[static_cast<std::size_t>(id)])
            if (--waiting[static_cast<std::size_t>(reader)] == 0)
                ready.push(reader);
    }
    if (order.size() < nodes.size()) {
        const auto stuck = std::find_if(waiting.begin(), waiting.end(), [](int count) { return count > 0; });
        return fail(ErrorCode::CorruptFile,
                    fmt::format("the graph has a cycle through node '{}'",
                                nodes[static_cast<std::size_t>(stuck - waiting.begin())].name));
    }
    return order;
}

} // namespace

Result<ModelGraph> GraphBuilder::finish(const std::vector<std::string> &outerNames) && {
    // An initializer that is also listed as an input is a default, not something the caller must give.
    std::erase_if(m_graph.m_inputs, [&](ValueId id) { return m_graph.m_constants.contains(id); });
    const Availability availability(m_graph, m_graph.m_inputs, outerNames);
    QS_TRY(const std::vector<NodeId> order, topologicalOrder(m_graph, availability));
    for (const ValueId output : m_graph.m_outputs)
        if (m_graph.value(output).producer == kNoNode && !availability.isGiven(output))
            return fail(ErrorCode::CorruptFile,
                        fmt::format("graph output '{}' is produced by nothing", m_graph.value(output).name));

    std::vector<Node> sorted;
    sorted.reserve(order.size());
    for (const NodeId id : order)
        sorted.push_back(std::move(m_graph.m_nodes[static_cast<std::size_t>(id)]));
    m_graph.m_nodes = std::move(sorted);

    m_graph.m_consumers.resize(m_graph.m_values.size());
    for (std::size_t n = 0; n < m_graph.m_nodes.size(); ++n) {
        const auto id = static_cast<NodeId>(n);
        for (const ValueId output : m_graph.m_nodes[n].outputs)
            if (output != kNoValue)
                m_graph.m_values[static_cast<std::size_t>(output)].producer = id;
        for (const ValueId input : dependencies(m_graph, m_graph.m_nodes[n])) {
            auto &readers = m_graph.m_consumers[static_cast<std::size_t>(input)];
            if (readers.empty() || readers.back() != id)
                readers.push_back(id);
        }
    }
    return std::move(m_graph);
}

} // namespace qs
