#pragma once

#include "core/graph/model_graph.h"

#include <span>

namespace qs {

// How the attention finder moves through a graph.

/// The inputs of a node through which activations flow; shapes, indices, axes and scales are left out.
std::span<const ValueId> dataInputs(const Node &node);

/// The node that makes a value; nullptr for constants and inputs of the graph.
const Node *producerOf(const ModelGraph &graph, ValueId value);

/// The only element of a constant that has one, as a real number.
std::optional<double> scalarConstant(const ModelGraph &graph, ValueId value);

/// Whether a value is cut from a constant that lets query i see keys 0..i only: zero there and at most -10⁴
/// (or -inf) elsewhere; when `boolean`, non-zero there and zero elsewhere.
bool isCausalConstant(const ModelGraph &graph, ValueId value, bool boolean);

/// The value before a Transpose of its last two axes, else the value itself.
ValueId beforeTranspose(const ModelGraph &graph, ValueId value);

/// The value before its heads are repeated by Expand or Tile; kNoValue when they are not.
ValueId beforeRepeat(const ModelGraph &graph, ValueId value);

/// Heads and width from the Reshape that splits a projection into [..., heads, width]; zeros when none says
/// so.
struct HeadSplit {
    std::int64_t heads = 0, width = 0;
};
HeadSplit headSplit(const ModelGraph &graph, ValueId value);

} // namespace qs
