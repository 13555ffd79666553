#pragma once

#include "core/exec/executor.h"
#include "core/exec/fusion.h"

namespace qs {

/// What an executor works out once per model: kernels, constants, lifetimes.
struct Executor::Impl {
    std::shared_ptr<const Model> model;
    std::vector<Kernel> kernels;                  ///< by NodeId
    std::vector<std::vector<ValueId>> operands;   ///< by NodeId: operandValues() of the node
    std::vector<Tensor> constants;                ///< by ValueId: graph constants and outputs of folded nodes
    std::vector<bool> folded;                     ///< by NodeId: outputs are in `constants`
    std::unordered_map<NodeId, FusedNodes> fused; ///< by first node
    std::vector<NodeId>
        lastUse; ///< by ValueId: the last node that reads it; the node count for graph outputs
    std::shared_ptr<BufferPool> pool;

    const ModelGraph &graph() const { return model->graph; }

    /// As Executor::create(), but the error names only the first node that cannot run: listing all at every
    /// level of nested subgraphs would take exponential time.
    static Result<std::shared_ptr<const Executor>> build(std::shared_ptr<const Model> model,
                                                         const ExecutorOptions &options);
};

/// Makes the kernel of a node from the first backend that takes it.
/// \error Unsupported  why the reference backend does not take it
Result<Kernel> makeKernel(const Node &node, const ModelGraph &graph, const ExecutorOptions &options);

/// Finds the nodes that run as one, with the fast kernels only: the reference backend computes node by node.
Status fuseNodes(Executor::Impl &impl);

/// Sets lifetimes, then computes every node once whose operands are all constant, layers excepted: what
/// quantization substitutes must stay a node. Nodes whose result is large or that fail stay as they are, and
/// so do loops, which could not be cancelled here.
void planExecution(Executor::Impl &impl);

} // namespace qs
