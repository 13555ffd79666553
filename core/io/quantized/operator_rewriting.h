#pragma once

#include "core/io/quantized/quantized_graph.h"

namespace qs {

/// The domain of the operators that ONNX Runtime adds to the standard.
inline constexpr const char *kMicrosoftDomain = "com.microsoft";

/// Reads inputs of a node by their place.
class NodeInputs {
public:
    NodeInputs(const ModelGraph &graph, const Node &node) : m_graph(graph), m_node(node) {}

    ValueId id(std::size_t index) const {
        return index < m_node.inputs.size() ? m_node.inputs[index] : kNoValue;
    }
    bool has(std::size_t index) const { return id(index) != kNoValue; }
    std::size_t count() const { return m_node.inputs.size(); }
    /// Empty where there is none.
    std::string name(std::size_t index) const {
        return has(index) ? m_graph.value(id(index)).name : std::string();
    }
    const Tensor *constant(std::size_t index) const {
        return has(index) ? m_graph.constant(id(index)) : nullptr;
    }

private:
    const ModelGraph &m_graph;
    const Node &m_node;
};

bool hasOneOutput(const Node &node);

// What follows adds something to a rewrite and returns the name of the value that it makes. Errors do not
// name the node.

/// The values of a constant weight. \param scale, zeroPoint  of its codes; zeroPoint may be null
/// \error as gridOfCodes()
Result<std::string> addWeight(const ModelGraph &graph, const std::string &codesName, const Tensor &codes,
                              const Tensor &scale, const Tensor *zeroPoint, int axis, const std::string &form,
                              GraphRewrite &rewrite);

/// DequantizeLinear. \param zeroPoint  empty: none
std::string addDequantize(const ModelGraph &graph, const Node &node, const std::string &codes,
                          const std::string &scale, const std::string &zeroPoint, GraphRewrite &rewrite);

/// QuantizeLinear that makes the output of the node from a float value, whose name is returned.
/// \param scale  input that holds the scale; the zero point is the next one
std::string addQuantize(const ModelGraph &graph, const Node &node, std::size_t scale, GraphRewrite &rewrite);

/// A constant int32 bias · input scale · weight scale, given by the inputs that hold them.
/// \error Unsupported  one of them is not constant  \error CorruptFile  shapes that do not fit
Result<std::string> addBias(const ModelGraph &graph, const Node &node, std::size_t bias,
                            std::size_t inputScale, std::size_t weightScale, GraphRewrite &rewrite);

} // namespace qs
