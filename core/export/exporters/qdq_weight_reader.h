#pragma once

#include "core/graph/model_graph.h"

namespace qs {

/// CorruptFile: the written file does not hold what was meant.
tl::unexpected<Error> mismatch(const std::string &what, const std::string &where);

/// nullptr when the input is absent or no constant.
const Tensor *constantInput(const ModelGraph &graph, const Node &node, std::size_t index);

/// What a layer of a written file reads as its weight, float32: a constant, or what DequantizeLinear and the
/// few operators that may follow it (Add, Gather, Reshape, ScatterND) make of constants.
/// \error CorruptFile  anything else
Result<Tensor> weightValue(const ModelGraph &graph, ValueId id);

} // namespace qs
