#pragma once

#include "core/base/result.h"
#include "core/graph/model_graph.h"

#include <memory>

namespace onnx {
class ModelProto;
}

namespace qs {

/// The message of a graph that came from no ONNX file. Value names, node names and versions stay.
/// \error Unsupported  the graph stands for weights alone, or has subgraphs
Result<std::shared_ptr<onnx::ModelProto>> onnxFromGraph(const ModelGraph &graph);

} // namespace qs
