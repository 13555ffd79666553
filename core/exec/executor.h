#pragma once

#include "core/base/finding.h"
#include "core/base/run_context.h"
#include "core/exec/buffer_pool.h"
#include "core/graph/model.h"

#include <functional>
#include <map>
#include <unordered_map>

namespace qs {

/// An operator that no backend implements, with the nodes that need it.
struct MissingOperator {
    std::string opType;
    std::string domain;
    std::int64_t opset = 0;
    std::vector<std::string> nodes;
    std::string reason; ///< "not implemented", or what about these nodes is not supported
};

/// An input slot of a node: where weights and activations are substituted.
struct InputSlot {
    NodeId node = kNoNode;
    int index = 0;
    auto operator<=>(const InputSlot &) const = default;
};

/// Added to the output of a layer's node.
struct NodeAddition {
    Tensor weight; ///< a second weight of the node, as in its slot; reads the activation before it is
                   ///< transformed, and no bias. Empty = none
    int weightIndex = 1;
    int biasIndex = -1; ///< input that holds the node's own bias; -1 = none
    Tensor offset;      ///< float32 [channels], one value for each output channel; empty = none
    bool channelsFirst = false;
};

/// Adds addition.offset to `output`, float32. Does nothing where it is empty.
/// \error InvalidArgument  the offset has another number of channels
Status addOffset(Tensor &output, const NodeAddition &addition);

/// What one pass through the graph does besides computing outputs. The graph itself is never copied or
/// changed.
struct PassOptions {
    /// Replaces what a node reads in a slot by a constant of the same shape (a quantized weight).
    std::map<InputSlot, Tensor> weights;
    /// Transforms what a node reads in a slot (fake quantization of an activation). Called on the running
    /// thread.
    std::map<InputSlot, std::function<Result<Tensor>(const Tensor &)>> activations;
    std::map<NodeId, NodeAddition> additions;
    /// Called with a value as soon as it is known; graph inputs included. The tensor may be kept.
    std::unordered_map<ValueId, std::function<void(const Tensor &)>> taps;
};

/// A pass that has been carried as far as some node. Copies share tensors, so "run the rest under another
/// substitution" costs a vector copy: this is how a common prefix is run once.
class ExecutionState {
public:
    NodeId nextNode() const { return m_nextNode; }

private:
    friend class Executor;
    NodeId m_nextNode = 0;
    std::vector<Tensor> m_values; ///< by ValueId; empty when not yet computed or no longer needed
};

struct ExecutorOptions {
    bool useOneDnn = true; ///< false: reference backend only (the oracle)
    /// Memory of intermediate tensors, which limits them together; empty = a new one.
    std::shared_ptr<BufferPool> pool = nullptr;
};

/// Runs a model graph. Backends are tried in order per node: oneDNN, then the reference backend. Constant
/// subexpressions are computed once, values are released after their last use.
/// \thread every const member may be called from several threads at once
class Executor {
public:
    /// \error Unsupported  operators are missing; lists them with their nodes (see missingOperators)
    static Result<std::shared_ptr<const Executor>> create(std::shared_ptr<const Model> model,
                                                          const ExecutorOptions &options = {});
    /// Operators of the graph that no backend has. Empty: the model can run.
    static std::vector<MissingOperator> missingOperators(const ModelGraph &graph);
    ~Executor();

    const Model &model() const;

    /// Runs everything. \param inputs one tensor per graph input, in graph order. \return the graph outputs.
    /// \error InvalidArgument  wrong number, shape or type of inputs, or a node whose operands do not fit;
    ///        names the node.  OutOfMemory  intermediate tensors exceed the pool's budget.  Cancelled
    Result<std::vector<Tensor>> run(std::vector<Tensor> inputs, const PassOptions &options,
                                    const RunContext &ctx) const;

    /// The same in parts. advance() runs all nodes before `until`; finish() the rest.
    Result<ExecutionState> begin(std::vector<Tensor> inputs, const PassOptions &options) const;
    Status advance(ExecutionState &state, NodeId until, const PassOptions &options,
                   const RunContext &ctx) const;
    Result<std::vector<Tensor>> finish(ExecutionState state, const PassOptions &options,
                                       const RunContext &ctx) const;

    struct Impl; ///< private; named here so that the backends can see it

private:
    explicit Executor(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

} // namespace qs
