#pragma once

#include "core/base/finding.h"
#include "core/base/run_context.h"

namespace onnx {
class ModelProto;
}

namespace qs {

/// Replaces calls of the functions that the file itself defines by the nodes of their bodies, also inside
/// subgraphs and other functions. Names inside a body become "<name of the call>/<name>", so that the same
/// file always gives the same names. A function that cannot be inlined (it is recursive, or follows another
/// opset version than the model) stays an operator, with a finding.
/// \error CorruptFile  a call has more operands than its function; the bodies multiply beyond all measure
/// \error Cancelled
/// \source ONNX IR specification, "Functions"; file_formats 1.3
Status inlineOnnxFunctions(onnx::ModelProto &model, FindingList &findings, const RunContext &ctx);

} // namespace qs
