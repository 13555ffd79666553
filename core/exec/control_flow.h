#pragma once

#include "core/exec/kernel.h"

namespace qs {

struct ExecutorOptions;

/// The kernel of If, Loop or Scan. It owns an executor per subgraph and expects the operands that
/// operandValues() lists. \param options  of the executors inside
/// \error Unsupported  the reason, that of the first node inside that cannot run included
Result<Kernel> createControlFlowKernel(const Node &node, const ModelGraph &graph,
                                       const ExecutorOptions &options);

/// Whether the node runs subgraphs.
bool isControlFlow(const Node &node);
/// Whether a node may run for any time whatever the size of its operands: a loop, or a branch with one
/// inside. Such nodes only run where the user can cancel.
bool mayRunForever(const Node &node);

/// What the kernel of a node reads: its inputs, then the values of the graph that its subgraphs read, each
/// once.
std::vector<ValueId> operandValues(const ModelGraph &graph, const Node &node);

class SubgraphReader;
Result<Kernel> makeScan(NodeReader &reader, const SubgraphReader &subgraphs);
/// Scan of opset 8, which has a batch axis.
Result<Kernel> makeBatchedScan(NodeReader &reader, const SubgraphReader &subgraphs);

} // namespace qs
