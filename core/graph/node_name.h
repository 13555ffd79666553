#pragma once

#include "core/graph/model_graph.h"

namespace qs {

/// "/layers.0/self_attn/q_proj/MatMul" → "layers.0.self_attn.q_proj": what people call the place of a node.
std::string pathName(const Node &node);

/// "Gemm 'fc'": a node as messages name it.
std::string nodeLabel(const Node &node);

} // namespace qs
