#include "core/exec/executor.h"

#include "core/exec/control_flow.h"
#include "core/exec/execution_plan.h"
#include "core/graph/weights_only.h"
#include "core/tensor/convert.h"

#include <fmt/format.h>
#include <new>
#include <stdexcept>

namespace qs {

Status addOffset(Tensor &output, const NodeAddition &addition) {
    if (addition.offset.empty())
        return {};
    const auto offset = addition.offset.values<float>();
    const Shape &shape = output.shape();
    const int axis = addition.channelsFirst ? 1 : shape.rank() - 1;
    if (axis < 0 || axis >= shape.rank() || shape[axis] != std::ssize(offset))
        return fail(ErrorCode::InvalidArgument, fmt::format("{} corrections do not fit an output of shape {}",
                                                            offset.size(), shape.text()));
    const std::int64_t inner = shape.numelBetween(axis + 1, shape.rank());
    float *value = output.mutableValues<float>().data();
    for (std::int64_t outer = shape.numelBetween(0, axis); outer > 0; --outer)
        for (const float added : offset)
            for (std::int64_t i = 0; i < inner; ++i)
                *value++ += added;
    return {};
}

namespace {

std::string nodeText(const Node &node) {
    return fmt::format("node '{}' ({})", node.name, node.opType);
}

/// The tensor of a value in a pass, the constant behind it, or an empty tensor.
const Tensor &valueOf(const Executor::Impl &impl, const std::vector<Tensor> &values, ValueId id) {
    const Tensor &computed = values[static_cast<std::size_t>(id)];
    return computed.empty() ? impl.constants[static_cast<std::size_t>(id)] : computed;
}

std::string declaredShape(const Value &value) {
    std::string text;
    for (int axis = 0; axis < value.shape.rank(); ++axis) {
        const std::string &name = value.dimNames[static_cast<std::size_t>(axis)];
        text += axis == 0 ? "" : ", ";
        text += value.shape[axis] >= 0 ? std::to_string(value.shape[axis]) : name.empty() ? "?" : name;
    }
    return "[" + text + "]";
}

bool fits(const Value &value, const Tensor &tensor) {
    if (value.dtype != DType::Undefined && value.dtype != tensor.dtype())
        return false;
    if (!value.hasShape)
        return true;
    if (value.shape.rank() != tensor.shape().rank())
        return false;
    for (int axis = 0; axis < value.shape.rank(); ++axis)
        if (value.shape[axis] >= 0 && value.shape[axis] != tensor.shape()[axis])
            return false;
    return true;
}

Status checkInputs(const ModelGraph &graph, const std::vector<Tensor> &inputs) {
    if (inputs.size() != graph.inputs().size())
        return fail(ErrorCode::InvalidArgument, fmt::format("the model has {} inputs, {} were given",
                                                            graph.inputs().size(), inputs.size()));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const Value &value = graph.value(graph.inputs()[i]);
        if (inputs[i].empty())
            return fail(ErrorCode::InvalidArgument, fmt::format("input '{}' is missing", value.name));
        QS_CHECK_OK(checkEmptyAxes(inputs[i].shape()));
        if (!fits(value, inputs[i]))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("input '{}' must be {} {}, found {} {}", value.name,
                                    dtypeName(value.dtype),
                                    value.hasShape ? declaredShape(value) : "of any shape",
                                    dtypeName(inputs[i].dtype()), inputs[i].shape().text()));
    }
    return {};
}

/// What a node reads in a slot after the substitutions of this pass.
Status substitute(Tensor &operand, InputSlot slot, const PassOptions &options) {
    if (const auto weight = options.weights.find(slot); weight != options.weights.end()) {
        if (weight->second.shape() != operand.shape())
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("the substituted weight of input {} has shape {}, not {}", slot.index,
                                    weight->second.shape().text(), operand.shape().text()));
        QS_TRY(operand, castTensor(weight->second, operand.dtype()));
    }
    if (const auto activation = options.activations.find(slot); activation != options.activations.end()) {
        QS_TRY(operand, activation->second(operand));
    }
    return {};
}

bool substitutes(const PassOptions &options, NodeId node) {
    const auto targets = [node](const auto &slots) {
        const auto first = slots.lower_bound(InputSlot{node, 0});
        return first != slots.end() && first->first.node == node;
    };
    return targets(options.weights) || targets(options.activations) || options.additions.contains(node);
}

/// Runs nodes over the values of one pass.
class Pass {
public:
    Pass(const Executor::Impl &impl, std::vector<Tensor> &values, const PassOptions &options,
         const RunContext &ctx)
        : m_impl(impl), m_values(values), m_options(options), m_ctx(ctx) {}

    /// Runs a node, and with it those before `end` that are fused to it when nobody looks in between.
    /// \return the node that comes next
    Result<NodeId> runNode(NodeId id, NodeId end) {
        const Node &node = m_impl.graph().node(id);
        if (m_impl.folded[static_cast<std::size_t>(id)] && !mustRunAgain(id)) {
            for (const ValueId output : node.outputs)
                if (output != kNoValue)
                    tap(output, m_impl.constants[static_cast<std::size_t>(output)]);
            return id + 1;
        }
        const auto fused = m_impl.fused.find(id);
        const bool together =
            fused != m_impl.fused.end() && fused->second.last < end && !isObserved(id, fused->second.last);
        const NodeId last = together ? fused->second.last : id;
        auto status = computeSafely(
            id, together ? fused->second.kernel : m_impl.kernels[static_cast<std::size_t>(id)], last);
        if (!status && status.error().code != ErrorCode::Cancelled)
            return fail(std::move(status).error().withContext(nodeText(node)));
        if (!status)
            return fail(std::move(status).error());
        return last + 1;
    }

private:
    /// A folded node computes anew when this pass changes what it reads.
    bool mustRunAgain(NodeId id) const {
        return substitutes(m_options, id) || std::ranges::any_of(operandsOf(id), [&](ValueId input) {
                   return input != kNoValue && !m_values[static_cast<std::size_t>(input)].empty();
               });
    }

    const std::vector<ValueId> &operandsOf(NodeId id) const {
        return m_impl.operands[static_cast<std::size_t>(id)];
    }

    /// Whether this pass taps or changes what goes from one of these nodes to the next.
    bool isObserved(NodeId first, NodeId last) const {
        for (NodeId id = first; id < last; ++id)
            if (m_options.taps.contains(m_impl.graph().node(id).outputs.front()) ||
                m_options.additions.contains(id) || substitutes(m_options, id + 1))
                return true;
        return m_options.additions.contains(last);
    }

    /// Kernels keep small lists in standard containers; a model that makes them large must not end the
    /// program.
    Status computeSafely(NodeId id, const Kernel &kernel, NodeId last) {
        try {
            return compute(id, kernel, last);
        } catch (const std::bad_alloc &) {
            return fail(ErrorCode::OutOfMemory, "not enough memory");
        } catch (const std::length_error &) {
            return fail(ErrorCode::OutOfMemory, "not enough memory");
        }
    }

    /// From the operands of node `id` to the outputs of node `last`.
    Status compute(NodeId id, const Kernel &kernel, NodeId last) {
        std::vector<Tensor> operands = takeOperands(id);
        const auto addition = m_options.additions.find(id);
        const bool adds = addition != m_options.additions.end();
        std::vector<Tensor> branchOperands;
        if (adds && !addition->second.weight.empty())
            branchOperands = operandsOfBranch(operands, addition->second);
        for (std::size_t i = 0; i < operands.size(); ++i)
            QS_CHECK_OK(substitute(operands[i], {id, static_cast<int>(i)}, m_options));
        KernelCall call{operands, m_ctx, *m_impl.pool};
        QS_TRY(std::vector<Tensor> outputs, kernel(call));
        if (adds) {
            QS_TRY(outputs[0], withAddition(outputs[0], addition->second, kernel, std::move(branchOperands)));
        }
        const Node &node = m_impl.graph().node(last);
        for (std::size_t i = 0; i < node.outputs.size(); ++i) // those at the end may be there without a name
            if (node.outputs[i] != kNoValue) {
                if (i >= outputs.size())
                    return fail(ErrorCode::InvalidArgument,
                                fmt::format("it names {} outputs, the operator has {}", node.outputs.size(),
                                            outputs.size()));
                publish(node.outputs[i], std::move(outputs[i]));
            }
        return {};
    }

    /// The operands before this pass's substitutions. Values that nobody reads afterwards leave the state, so
    /// that a kernel may overwrite them.
    std::vector<Tensor> takeOperands(NodeId id) {
        const std::vector<ValueId> &ids = operandsOf(id);
        std::vector<Tensor> operands(ids.size());
        for (std::size_t i = 0; i < ids.size(); ++i) {
            if (ids[i] == kNoValue)
                continue;
            Tensor &held = m_values[static_cast<std::size_t>(ids[i])];
            const auto isReadAgain = [&] {
                return m_impl.lastUse[static_cast<std::size_t>(ids[i])] != id ||
                       std::find(ids.begin() + static_cast<std::ptrdiff_t>(i) + 1, ids.end(), ids[i]) !=
                           ids.end();
            };
            if (held.empty() || isReadAgain())
                operands[i] = valueOf(m_impl, m_values, ids[i]);
            else
                operands[i] = std::exchange(held, {});
        }
        return operands;
    }

    /// What the second weight of a node is computed from: the same operands, its own weight, no bias.
    static std::vector<Tensor> operandsOfBranch(std::vector<Tensor> operands, const NodeAddition &addition) {
        operands[static_cast<std::size_t>(addition.weightIndex)] = addition.weight;
        if (addition.biasIndex >= 0) {
            Tensor &bias = operands[static_cast<std::size_t>(addition.biasIndex)];
            bias = Tensor::zeros(bias.dtype(), bias.shape());
        }
        // A kernel may overwrite what only it holds; the node itself still reads these.
        return operands;
    }

    Result<Tensor> withAddition(const Tensor &output, const NodeAddition &addition, const Kernel &kernel,
                                std::vector<Tensor> branchOperands) const {
        if (output.dtype() != DType::Float32)
            return fail(ErrorCode::Unsupported, "a branch or a bias correction needs a float32 output");
        QS_TRY(Tensor sum, m_impl.pool->allocate(DType::Float32, output.shape()));
        float *values = sum.mutableValues<float>().data();
        std::ranges::copy(output.values<float>(), values);
        if (!branchOperands.empty()) {
            KernelCall call{branchOperands, m_ctx, *m_impl.pool};
            QS_TRY(const std::vector<Tensor> branch, kernel(call));
            for (const float value : branch[0].values<float>())
                *values++ += value;
        }
        QS_CHECK_OK(addOffset(sum, addition));
        return sum;
    }

    void tap(ValueId id, const Tensor &tensor) const {
        if (const auto found = m_options.taps.find(id); found != m_options.taps.end())
            found->second(tensor);
    }

    void publish(ValueId id, Tensor tensor) {
        tap(id, tensor);
        if (m_impl.lastUse[static_cast<std::size_t>(id)] != kNoNode)
            m_values[static_cast<std::size_t>(id)] = std::move(tensor);
    }

    const Executor::Impl &m_impl;
    std::vector<Tensor> &m_values;
    const PassOptions &m_options;
    const RunContext &m_ctx;
};

Error missingOperatorsError(const ModelGraph &graph) {
    if (isWeightsOnly(graph))
        return {ErrorCode::Unsupported, kNoGraphText, {}};
    const std::vector<MissingOperator> missing = Executor::missingOperators(graph);
    std::string text = "the model cannot run:";
    for (const MissingOperator &entry : missing)
        text +=
            fmt::format(" {}{}{} ({} nodes, first '{}'): {};", entry.domain, entry.domain.empty() ? "" : ".",
                        entry.opType, entry.nodes.size(), entry.nodes.front(), entry.reason);
    text.back() = '.';
    return {ErrorCode::Unsupported, text + " Its weights can still be explored.", {}};
}

} // namespace

Executor::Executor(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Executor::~Executor() = default;
const Model &Executor::model() const {
    return *m_impl->model;
}

std::vector<MissingOperator> Executor::missingOperators(const ModelGraph &graph) {
    std::vector<MissingOperator> missing;
    for (const Node &node : graph.nodes()) {
        const auto kernel = makeKernel(node, graph, {});
        if (kernel)
            continue;
        const std::string &reason = kernel.error().message;
        auto found = std::find_if(missing.begin(), missing.end(), [&](const MissingOperator &entry) {
            return entry.opType == node.opType && entry.domain == node.domain && entry.reason == reason;
        });
        if (found == missing.end())
            found = missing.insert(missing.end(),
                                   {node.opType, node.domain, graph.opset(node.domain), {}, reason});
        found->nodes.push_back(node.name);
    }
    return missing;
}

Result<std::shared_ptr<const Executor>> Executor::create(std::shared_ptr<const Model> model,
                                                         const ExecutorOptions &options) {
    if (isWeightsOnly(model->graph))
        return fail(missingOperatorsError(model->graph));
    auto executor = Impl::build(model, options);
    if (!executor && executor.error().code == ErrorCode::Unsupported)
        return fail(missingOperatorsError(model->graph));
    return executor;
}

Result<std::shared_ptr<const Executor>> Executor::Impl::build(std::shared_ptr<const Model> model,
                                                              const ExecutorOptions &options) {
    const ModelGraph &graph = model->graph;
    auto impl = std::make_unique<Impl>();
    impl->pool = options.pool ? options.pool : BufferPool::create();
    for (const auto &[id, tensor] : graph.constants())
        if (auto sane = checkEmptyAxes(tensor.shape()); !sane)
            return fail(std::move(sane).error().withContext(graph.value(id).name));
    const ExecutorOptions inner{options.useOneDnn, impl->pool}; // subgraphs share the budget
    for (const Node &node : graph.nodes()) {
        auto kernel = makeKernel(node, graph, inner);
        if (!kernel)
            return fail(std::move(kernel).error().withContext(nodeText(node)));
        impl->kernels.push_back(std::move(*kernel));
        impl->operands.push_back(operandValues(graph, node));
    }
    impl->model = std::move(model);
    planExecution(*impl);
    if (options.useOneDnn)
        QS_CHECK_OK(fuseNodes(*impl));
    return std::shared_ptr<const Executor>(new Executor(std::move(impl)));
}

Result<ExecutionState> Executor::begin(std::vector<Tensor> inputs, const PassOptions &options) const {
    const ModelGraph &graph = m_impl->graph();
    QS_CHECK_OK(checkInputs(graph, inputs));
    ExecutionState state;
    state.m_values.resize(graph.values().size());
    for (std::size_t i = 0; i < inputs.size(); ++i)
        state.m_values[static_cast<std::size_t>(graph.inputs()[i])] = std::move(inputs[i]);
    for (const auto &[id, tap] : options.taps)
        if (graph.value(id).producer == kNoNode)
            tap(valueOf(*m_impl, state.m_values, id));
    return state;
}

Status Executor::advance(ExecutionState &state, NodeId until, const PassOptions &options,
                         const RunContext &ctx) const {
    const auto end = std::min(until, static_cast<NodeId>(m_impl->graph().nodes().size()));
    Pass pass(*m_impl, state.m_values, options, ctx);
    while (state.m_nextNode < end) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        QS_TRY(state.m_nextNode, pass.runNode(state.m_nextNode, end));
    }
    return {};
}

Result<std::vector<Tensor>> Executor::finish(ExecutionState state, const PassOptions &options,
                                             const RunContext &ctx) const {
    const ModelGraph &graph = m_impl->graph();
    QS_CHECK_OK(advance(state, static_cast<NodeId>(graph.nodes().size()), options, ctx));
    std::vector<Tensor> outputs;
    for (const ValueId output : graph.outputs())
        outputs.push_back(valueOf(*m_impl, state.m_values, output));
    return outputs;
}

Result<std::vector<Tensor>> Executor::run(std::vector<Tensor> inputs, const PassOptions &options,
                                          const RunContext &ctx) const {
    QS_TRY(ExecutionState state, begin(std::move(inputs), options));
    return finish(std::move(state), options, ctx);
}

} // namespace qs
