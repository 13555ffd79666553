#pragma once

#include "core/graph/model_graph.h"

namespace qs {

/// Names of the nodes inside branches and loop bodies that would be layers in the main graph: they multiply
/// by constant weights, their own or those of a graph around them, but nothing quantizes them.
std::vector<std::string> innerLayers(const ModelGraph &graph);

} // namespace qs
