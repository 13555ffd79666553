#pragma once

#include "core/graph/model_graph.h"

namespace qs {

/// Operands that every version of the standard's operators has, present, and an output to read: what code
/// that looks for operators in a graph relies on. Only the standard's operators are known, and kernels check
/// the rest. \error CorruptFile  one is missing; says which
Status checkOperands(const Node &node);

} // namespace qs
