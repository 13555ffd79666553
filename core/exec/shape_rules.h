#pragma once

#include "core/exec/shape_trace.h"

#include <span>

namespace qs {

/// What a shape rule sees of a node.
struct ShapeQuery {
    const Node &node;
    const ModelGraph &graph;
    std::vector<const TracedValue *> inputs; ///< nullptr where omitted; all others are known

    bool has(std::size_t index) const { return index < inputs.size() && inputs[index]; }
    const Shape &shape(std::size_t index) const { return inputs[index]->shape; }
    /// The integers of an operand. \error Unsupported  they depend on what the inputs hold
    Result<std::vector<std::int64_t>> integers(std::size_t index) const;
    /// An attribute of old opsets, else the operand. Nothing when the node has neither.
    Result<std::optional<std::vector<std::int64_t>>> integersOf(const char *attribute,
                                                                std::size_t index) const;
};

using ShapeRule = Result<std::vector<Shape>> (*)(const ShapeQuery &);
struct ShapeRuleEntry {
    const char *opType;
    ShapeRule rule;
};
std::span<const ShapeRuleEntry> spatialShapeRules(); ///< Conv, MaxPool, Resize, …: [N, C, spatial…]
std::span<const ShapeRuleEntry> signalShapeRules();  ///< RNN, DFT, …: sequences
std::span<const ShapeRuleEntry> codeShapeRules();    ///< MatMulInteger, QLinearConv, Einsum, losses, …

std::span<const ShapeRuleEntry> rearrangementShapeRules(); ///< Pad, TopK, OneHot, DepthToSpace, …
std::span<const ShapeRuleEntry> attentionShapeRules();     ///< Attention, RotaryEmbedding
std::span<const ShapeRuleEntry> contribShapeRules();       ///< the domain com.microsoft

/// Most operators: the result has the shape of operand 0. \error InvalidArgument  it is missing
Result<std::vector<Shape>> shapeOfFirstOperand(const ShapeQuery &query);

/// [[batch…, m, n]] of a matrix product under numpy's rules. \error InvalidArgument  it does not fit
Result<std::vector<Shape>> productShapes(const Shape &left, const Shape &right);

/// Shapes of the node's outputs. \error Unsupported  no rule for the operator, or a shape that depends on
/// data \error InvalidArgument  operands do not fit
Result<std::vector<Shape>> inferShapes(const ShapeQuery &query);

/// Type of an output, from the operator and its operands; Undefined when unknown.
DType inferType(const ShapeQuery &query, std::size_t output);

} // namespace qs
