#pragma once

#include "core/graph/model_graph.h"

namespace qs {

/// A builder with what changes of a graph leave alone: values in their order, so that ids stay, inputs,
/// outputs, opsets. Nodes and constants are for the caller to add.
GraphBuilder copyFrame(const ModelGraph &graph);

/// Values that nothing makes and nobody gives, as in a graph of weights alone: outer names for finish().
std::vector<std::string> openValues(const ModelGraph &graph);

} // namespace qs
