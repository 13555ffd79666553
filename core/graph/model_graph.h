#pragma once

#include "core/tensor/tensor.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace qs {

class ModelGraph;

using ValueId = std::int32_t; ///< index into ModelGraph::values(); kNoValue for an omitted optional input
using NodeId = std::int32_t;  ///< index into ModelGraph::nodes()
inline constexpr ValueId kNoValue = -1;
inline constexpr NodeId kNoNode = -1;

/// The value of a node attribute. Subgraphs (If, Loop) are graphs of their own that see the names around
/// them.
using Attribute = std::variant<std::int64_t, double, std::string, Tensor, std::shared_ptr<const ModelGraph>,
                               std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>>;

/// One operator application.
struct Node {
    std::string name;   ///< unique within the graph; made up from the operator when the file gives none
    std::string opType; ///< "Conv"
    std::string domain; ///< "" is ai.onnx
    std::vector<ValueId> inputs;
    std::vector<ValueId> outputs; ///< kNoValue for an unused optional output
    std::map<std::string, Attribute> attributes;

    /// Attribute of that name, or the fallback when it is absent or of another kind.
    std::int64_t intAttribute(std::string_view name, std::int64_t fallback) const;
    double floatAttribute(std::string_view name, double fallback) const;
    std::string stringAttribute(std::string_view name, std::string fallback) const;
    std::vector<std::int64_t> intsAttribute(std::string_view name) const; ///< empty when absent
    bool hasAttribute(std::string_view name) const;
};

/// One edge of the graph: a named tensor.
struct Value {
    std::string name;
    DType dtype = DType::Undefined; ///< as declared in the file, if it is
    bool hasShape = false;
    Shape shape;                       ///< -1 for an unknown dimension
    std::vector<std::string> dimNames; ///< symbolic names of unknown dimensions ("batch"), else ""
    NodeId producer = kNoNode;         ///< kNoNode for graph inputs and constants
};

/// A model's computation: nodes in topological order, values, constants. Immutable after building, so it is
/// shared between threads as shared_ptr<const ModelGraph>.
class ModelGraph {
public:
    const std::vector<Node> &nodes() const { return m_nodes; }
    const std::vector<Value> &values() const { return m_values; }
    const Node &node(NodeId id) const { return m_nodes[static_cast<std::size_t>(id)]; }
    const Value &value(ValueId id) const { return m_values[static_cast<std::size_t>(id)]; }
    /// Graph inputs that the caller must give (initializers excluded).
    const std::vector<ValueId> &inputs() const { return m_inputs; }
    const std::vector<ValueId> &outputs() const { return m_outputs; }

    /// The constant behind a value (initializer or Constant node), or nullptr.
    const Tensor *constant(ValueId id) const;
    const std::unordered_map<ValueId, Tensor> &constants() const { return m_constants; }
    /// kNoValue when there is no such name.
    ValueId findValue(std::string_view name) const;
    /// Nodes that read the value, also from inside their subgraphs, in topological order; a node that reads
    /// it twice is listed once.
    const std::vector<NodeId> &consumers(ValueId id) const;

    /// Opset version of a domain, 0 when it is not imported.
    std::int64_t opset(const std::string &domain = {}) const;
    const std::map<std::string, std::int64_t> &opsets() const { return m_opsets; }
    std::int64_t irVersion() const { return m_irVersion; }
    const std::string &name() const { return m_name; }
    const std::string &producer() const { return m_producer; }
    std::int64_t parameterCount() const; ///< elements of all floating-point constants

private:
    friend class GraphBuilder;
    std::string m_name, m_producer;
    std::int64_t m_irVersion = 0;
    std::map<std::string, std::int64_t> m_opsets;
    std::vector<Node> m_nodes;
    std::vector<Value> m_values;
    std::vector<ValueId> m_inputs, m_outputs;
    std::unordered_map<ValueId, Tensor> m_constants;
    std::unordered_map<std::string, ValueId> m_valueByName;
    std::vector<std::vector<NodeId>> m_consumers;
};

/// Values of `graph` that the node's subgraphs read by name, in addition to its inputs.
std::vector<ValueId> capturedValues(const ModelGraph &graph, const Node &node);

/// Assembles a ModelGraph; importers and tests use it. Nodes may be added in any order.
class GraphBuilder {
public:
    GraphBuilder();
    void setName(std::string name, std::string producer = {});
    void setIrVersion(std::int64_t version);
    void setOpset(const std::string &domain, std::int64_t version);

    /// The id for a name, created at first use. The empty name is kNoValue.
    ValueId value(const std::string &name);
    void describe(ValueId id, DType type, Shape shape, std::vector<std::string> dimNames = {});
    /// For values whose rank is unknown.
    void describeType(ValueId id, DType type);
    void addInput(ValueId id);
    void addOutput(ValueId id);
    /// \error CorruptFile  the value already has a constant or a producer; names it
    Status addConstant(ValueId id, Tensor tensor);
    /// \error CorruptFile  an output already has a producer
    Status addNode(Node node);
    /// Sorts topologically and checks the whole.
    /// \error CorruptFile  a cycle (names a node on it), or an input that nothing produces.
    ///        `outerNames` are names that enclosing scopes define (for subgraphs).
    Result<ModelGraph> finish(const std::vector<std::string> &outerNames = {}) &&;

private:
    ModelGraph m_graph;
};

} // namespace qs
