#pragma once

#include "core/exec/kernel.h"

namespace qs {

/// Newest ONNX opset whose operators we know; a later one may have changed their meaning.
inline constexpr std::int64_t kNewestOpset = 25;

/// Every operator of the reference backend: plain loops, the oracle for faster backends.
const std::vector<KernelEntry> &referenceKernels();

/// What no kernel can be made for: a newer opset, strings, a weight without a graph.
/// \error Unsupported  the reason
Status checkRunnable(const Node &node, const ModelGraph &graph);

/// Makes a node's kernel from the entry of its operator with the highest version that the opset reaches.
/// \error Unsupported  "not implemented", or what about this node is not
Result<Kernel> createKernel(const std::vector<KernelEntry> &entries, const Node &node,
                            const ModelGraph &graph);

} // namespace qs
