#include "core/exec/control_flow.h"

#include "core/exec/kernel_list.h"
#include "core/exec/reference/dispatch.h"
#include "core/exec/subgraph.h"

namespace qs {

bool isControlFlow(const Node &node) {
    return node.domain.empty() && (node.opType == "If" || node.opType == "Loop" || node.opType == "Scan");
}

bool mayRunForever(const Node &node) {
    if (!isControlFlow(node))
        return false;
    if (node.opType != "If")
        return true;
    for (const auto &[name, attribute] : node.attributes)
        if (const auto *inner = std::get_if<std::shared_ptr<const ModelGraph>>(&attribute))
            if (std::any_of((*inner)->nodes().begin(), (*inner)->nodes().end(), mayRunForever))
                return true;
    return false;
}

std::vector<ValueId> operandValues(const ModelGraph &graph, const Node &node) {
    std::vector<ValueId> values = node.inputs;
    const std::size_t own = values.size();
    for (const ValueId id : capturedValues(graph, node))
        if (std::find(values.begin() + static_cast<std::ptrdiff_t>(own), values.end(), id) == values.end())
            values.push_back(id);
    return values;
}

namespace {

Result<bool> readCondition(const Tensor &condition) {
    if (condition.dtype() != DType::Bool || condition.numel() != 1)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("the condition is {} {}, not one bool", dtypeName(condition.dtype()),
                                condition.shape().text()));
    return condition.values<bool>()[0];
}

/// A scalar of the rank that a body declares for its round number and condition: some have lists of one.
template <typename T>
Tensor scalarLike(const Value &declared, T value) {
    const Tensor scalar = Tensor::scalar(value);
    return declared.hasShape && declared.shape.rank() == 1 ? scalar.reshaped(Shape{1}) : scalar;
}

/// A loop: at most `most` rounds while the condition holds.
struct Loop {
    Subgraph body;
    std::size_t inputs = 0;  ///< of the node: count, condition, carried values
    std::size_t outputs = 0; ///< of the node: carried values, then those of every round

    std::size_t carriedCount() const { return inputs - 2; }
    std::size_t stackCount() const { return body.outputCount() - 1 - carriedCount(); }

    Outputs run(const KernelCall &call) const {
        std::int64_t most = std::numeric_limits<std::int64_t>::max();
        if (call.has(0)) {
            QS_TRY(const auto count, integerOperand(call, 0));
            if (count.size() != 1)
                return fail(ErrorCode::InvalidArgument, "the number of rounds must be a scalar");
            most = count[0];
        }
        bool goesOn = true;
        if (call.has(1)) {
            QS_TRY(goesOn, readCondition(call[1]));
        }
        std::vector<Tensor> carried(call.inputs.begin() + 2,
                                    call.inputs.begin() + static_cast<std::ptrdiff_t>(inputs));
        RoundStacks stacks(stackCount(), call);
        for (std::int64_t round = 0; goesOn && round < most; ++round) {
            if (call.ctx.cancelled())
                return RunContext::cancelledError();
            QS_TRY(goesOn, runRound(call, round, carried, stacks));
        }
        return collect(std::move(carried), stacks);
    }

private:
    /// \return whether the next round follows
    Result<bool> runRound(const KernelCall &call, std::int64_t round, std::vector<Tensor> &carried,
                          RoundStacks &stacks) const {
        std::vector<Tensor> operands{scalarLike(body.input(0), round), scalarLike(body.input(1), true)};
        std::move(carried.begin(), carried.end(), std::back_inserter(operands));
        QS_TRY(const std::vector<Tensor> yielded, body.run(std::move(operands), call));
        std::copy_n(yielded.begin() + 1, carried.size(), carried.begin());
        for (std::size_t i = 0; i < stackCount(); ++i)
            QS_CHECK_OK(stacks.add(i, yielded[1 + carried.size() + i]));
        return readCondition(yielded[0]);
    }

    Outputs collect(std::vector<Tensor> carried, const RoundStacks &stacks) const {
        for (std::size_t i = 0; i < stackCount(); ++i) {
            QS_TRY(Tensor rows, stacks.take(i, body.output(1 + carriedCount() + i)));
            carried.push_back(std::move(rows));
        }
        return carried;
    }
};

Result<Kernel> makeIf(NodeReader &reader, const SubgraphReader &subgraphs) {
    QS_TRY(const Subgraph yes, subgraphs.read("then_branch"));
    QS_TRY(const Subgraph no, subgraphs.read("else_branch"));
    const std::size_t outputs = reader.node().outputs.size();
    if (yes.inputCount() + no.inputCount() > 0 || yes.outputCount() < outputs || no.outputCount() < outputs)
        return fail(ErrorCode::Unsupported, "branches with inputs, or with too few outputs");
    return Kernel([yes, no](KernelCall &call) -> Outputs {
        QS_CHECK_OK(requireInputs(call, 1));
        QS_TRY(const bool condition, readCondition(call[0]));
        return (condition ? yes : no).run({}, call);
    });
}

Result<Kernel> makeLoop(NodeReader &reader, const SubgraphReader &subgraphs) {
    QS_TRY(Subgraph body, subgraphs.read("body"));
    const std::size_t inputs = reader.inputCount(), outputs = reader.node().outputs.size();
    if (inputs < 2 || body.inputCount() != inputs || body.outputCount() + 1 < inputs ||
        body.outputCount() < outputs + 1)
        return fail(ErrorCode::Unsupported,
                    fmt::format("a body with {} inputs and {} outputs for a loop with {} and {}",
                                body.inputCount(), body.outputCount(), inputs, outputs));
    for (std::size_t i = 2; i < inputs; ++i)
        if (!reader.hasInput(i))
            return fail(ErrorCode::Unsupported, fmt::format("input {} is missing", i));
    return Kernel(
        [loop = Loop{std::move(body), inputs, outputs}](KernelCall &call) { return loop.run(call); });
}

} // namespace

Result<Kernel> createControlFlowKernel(const Node &node, const ModelGraph &graph,
                                       const ExecutorOptions &options) {
    QS_CHECK_OK(checkRunnable(node, graph));
    NodeReader reader(node, graph);
    const SubgraphReader subgraphs(reader, graph, options);
    auto kernel = node.opType == "If"     ? makeIf(reader, subgraphs)
                  : node.opType == "Loop" ? makeLoop(reader, subgraphs)
                  : reader.opset() < 9    ? makeBatchedScan(reader, subgraphs)
                                          : makeScan(reader, subgraphs);
    if (kernel)
        QS_CHECK_OK(reader.checkAttributes());
    return kernel;
}

} // namespace qs
