#pragma once

#include "core/exec/executor.h"
#include "core/exec/kernel.h"

namespace qs {

/// A branch or loop body, ready to run inside the kernel of its node.
class Subgraph {
public:
    std::size_t inputCount() const { return m_source->inputs().size(); }
    std::size_t outputCount() const { return m_source->outputs().size(); }
    /// As declared.
    const Value &input(std::size_t index) const { return m_source->value(m_source->inputs()[index]); }
    const Value &output(std::size_t index) const { return m_source->value(m_source->outputs()[index]); }

    /// \param inputs  one per input; what it captures is taken from the operands of the call
    Outputs run(std::vector<Tensor> inputs, const KernelCall &call) const;

private:
    friend class SubgraphReader;
    std::shared_ptr<const ModelGraph> m_source;
    std::shared_ptr<const Executor> m_executor;
    std::vector<std::size_t> m_captured; ///< operands of the node that follow the inputs
};

/// Makes the subgraphs of one node.
class SubgraphReader {
public:
    SubgraphReader(NodeReader &node, const ModelGraph &graph, const ExecutorOptions &options)
        : m_node(node), m_graph(graph), m_options(options) {}

    /// \error Unsupported  it is missing, or the first of its nodes that cannot run
    Result<Subgraph> read(const char *attribute) const;

private:
    NodeReader &m_node;
    const ModelGraph &m_graph;
    const ExecutorOptions &m_options;
};

/// What the rounds of a loop yield for each output, one behind the other. Together they may take half of this
/// machine's memory: a file decides how many rounds there are.
class RoundStacks {
public:
    RoundStacks(std::size_t count, const KernelCall &call);

    /// \error InvalidArgument  another type or shape than the round before. OutOfMemory
    Status add(std::size_t index, const Tensor &value);
    /// [rounds, …]; without any round after the declared type and shape, unknown sizes 0.
    /// \error InvalidArgument  there was no round and no type is declared
    Result<Tensor> take(std::size_t index, const Value &declared) const;

private:
    struct Stack {
        Tensor rows; ///< [capacity, …]; more than were added
        std::int64_t count = 0;
    };
    Status grow(Stack &stack, const Tensor &value);

    const KernelCall &m_call;
    std::vector<Stack> m_stacks;
    std::size_t m_bytesLeft;
};

} // namespace qs
