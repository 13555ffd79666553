#pragma once

#include "core/graph/model_graph.h"

namespace qs {

/// Why a node test is no subject of an interpreter of inference over tensors of numbers: "training",
/// "random", "strings", "sequences and optionals". Empty when it is in scope.
std::string outOfScope(const ModelGraph &graph);

} // namespace qs
