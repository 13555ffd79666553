#pragma once

#include "core/graph/model_graph.h"

#include <initializer_list>
#include <set>

namespace qs {

/// What a kernel factory sees of a node. It notes which attributes were read: a node with an attribute that
/// its kernel does not know is refused instead of computed as if the attribute were not there.
class NodeReader {
public:
    NodeReader(const Node &node, const ModelGraph &graph) : m_node(node), m_graph(graph) {}

    const Node &node() const { return m_node; }
    std::int64_t opset() const { return m_graph.opset(m_node.domain); } ///< of the node's domain

    bool hasAttribute(const char *name) const { return m_node.hasAttribute(name); }
    std::int64_t intAttribute(const char *name, std::int64_t fallback);
    bool flag(const char *name, bool fallback) { return intAttribute(name, fallback ? 1 : 0) != 0; }
    double floatAttribute(const char *name, double fallback);
    std::string stringAttribute(const char *name, std::string fallback);
    /// nullopt when absent.
    std::optional<std::vector<std::int64_t>> intsAttribute(const char *name);
    std::optional<std::vector<double>> floatsAttribute(const char *name);
    std::optional<std::vector<std::string>> stringsAttribute(const char *name);
    /// nullptr when absent.
    const Tensor *tensorAttribute(const char *name);
    /// Attributes that do not change the result.
    void ignore(std::initializer_list<const char *> names);

    std::size_t inputCount() const { return m_node.inputs.size(); }
    bool hasInput(std::size_t index) const {
        return index < m_node.inputs.size() && m_node.inputs[index] != kNoValue;
    }
    bool hasOutput(std::size_t index) const {
        return index < m_node.outputs.size() && m_node.outputs[index] != kNoValue;
    }
    /// The initializer in an input slot, or nullptr.
    const Tensor *constantInput(std::size_t index) const {
        return hasInput(index) ? m_graph.constant(m_node.inputs[index]) : nullptr;
    }

    /// \error Unsupported  attributes that nobody asked for, or that have the wrong kind; names them
    Status checkAttributes() const;

private:
    template <typename T>
    const T *find(const char *name);

    const Node &m_node;
    const ModelGraph &m_graph;
    std::set<std::string> m_read, m_wrongKind;
};

} // namespace qs
