#pragma once

#include "core/graph/model_graph.h"

namespace qs {

/// Whether a result of an operator holds positions that it chose, or sizes: numbers that a small change of
/// what it reads does not move, and whose difference means nothing. \param output  index of the result
bool givesIndices(const Node &node, std::size_t output);

} // namespace qs
