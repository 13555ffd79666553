#pragma once

#include "core/graph/model_graph.h"

namespace qs {

/// A builder with what edits keep: name, opsets, all values in their order (so that ids stay), inputs,
/// outputs. Constants and nodes are missing.
GraphBuilder copyFrame(const ModelGraph &graph);

/// Names that neither inputs, constants nor nodes define: a subgraph reads them from the graphs around it.
std::vector<std::string> openValues(const ModelGraph &graph);

/// A subgraph as a graph that stands alone: what it reads from around it becomes further inputs, in the order
/// of openValues(). Inputs keep their types but no shapes: those of loop bodies may change from round to
/// round. \error CorruptFile  the graph contradicts itself
Result<ModelGraph> withOuterInputs(const ModelGraph &subgraph);

} // namespace qs
