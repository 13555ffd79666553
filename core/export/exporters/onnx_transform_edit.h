#pragma once

#include "core/graph/graph_edit.h"

namespace onnx {
class GraphProto;
} // namespace onnx

namespace qs {

/// Makes the changes of a transform in the graph of a file. \error Unsupported  names what the file does not
/// have
Status applyToOnnx(const GraphEdit &edit, onnx::GraphProto &graph);

} // namespace qs
