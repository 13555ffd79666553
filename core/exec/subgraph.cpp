#include "core/exec/subgraph.h"

#include "core/base/machine_memory.h"
#include "core/exec/control_flow.h"
#include "core/exec/execution_plan.h"
#include "core/exec/reference/copy.h"
#include "core/graph/graph_copy.h"

#include <cstring>

namespace qs {

namespace {

std::shared_ptr<const ModelGraph> graphAttribute(const Node &node, const char *name) {
    const auto found = node.attributes.find(name);
    const auto *graph = found == node.attributes.end()
                            ? nullptr
                            : std::get_if<std::shared_ptr<const ModelGraph>>(&found->second);
    return graph ? *graph : nullptr;
}

} // namespace

Result<Subgraph> SubgraphReader::read(const char *attribute) const {
    m_node.ignore({attribute});
    Subgraph result;
    result.m_source = graphAttribute(m_node.node(), attribute);
    if (!result.m_source)
        return fail(ErrorCode::Unsupported, fmt::format("its subgraph '{}' is missing", attribute));
    const std::vector<ValueId> operands = operandValues(m_graph, m_node.node());
    for (const std::string &name : openValues(*result.m_source)) {
        const ValueId outer = m_graph.findValue(name);
        const auto found = std::find(operands.begin(), operands.end(), outer);
        if (outer == kNoValue || found == operands.end())
            return fail(ErrorCode::Unsupported,
                        fmt::format("nothing defines '{}', which its subgraph reads", name));
        result.m_captured.push_back(static_cast<std::size_t>(found - operands.begin()));
    }
    auto model = std::make_shared<Model>();
    QS_TRY(model->graph, withOuterInputs(*result.m_source));
    auto executor = Executor::Impl::build(std::move(model), m_options);
    if (!executor)
        return fail(ErrorCode::Unsupported, "in its subgraph: " + executor.error().text());
    result.m_executor = std::move(*executor);
    return result;
}

Outputs Subgraph::run(std::vector<Tensor> inputs, const KernelCall &call) const {
    for (const std::size_t index : m_captured)
        inputs.push_back(call[index]);
    return m_executor->run(std::move(inputs), {}, call.ctx);
}

RoundStacks::RoundStacks(std::size_t count, const KernelCall &call)
    : m_call(call), m_stacks(count),
      m_bytesLeft(call.limitBytes ? call.limitBytes : static_cast<std::size_t>(machineMemoryBytes() / 2)) {}

/// Makes room for twice as many rounds.
Status RoundStacks::grow(Stack &stack, const Tensor &value) {
    std::vector<std::int64_t> dims = value.shape().dims();
    dims.insert(dims.begin(), std::max<std::int64_t>(4, 2 * stack.count));
    const std::size_t added = value.sizeBytes() * static_cast<std::size_t>(dims[0] - stack.count);
    if (added > m_bytesLeft)
        return fail(ErrorCode::OutOfMemory,
                    fmt::format("what {} rounds of the loop yield does not fit into memory", stack.count));
    QS_TRY(Tensor larger, m_call.allocate(value.dtype(), Shape(std::move(dims))));
    if (!stack.rows.empty())
        std::memcpy(larger.mutableBytes(), stack.rows.bytes(), stack.rows.sizeBytes());
    stack.rows = std::move(larger);
    m_bytesLeft -= added;
    return {};
}

Status RoundStacks::add(std::size_t index, const Tensor &value) {
    QS_CHECK_OK(requireWholeBytes(value));
    Stack &stack = m_stacks[index];
    if (!stack.rows.empty()) {
        const Shape &rows = stack.rows.shape();
        if (value.dtype() != stack.rows.dtype() ||
            !std::equal(rows.begin() + 1, rows.end(), value.shape().begin(), value.shape().end()))
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("round {} of the loop yields {} {}, unlike those before", stack.count,
                                    dtypeName(value.dtype()), value.shape().text()));
    }
    if (stack.rows.empty() || stack.count == stack.rows.shape()[0])
        QS_CHECK_OK(grow(stack, value));
    std::memcpy(stack.rows.mutableBytes() + static_cast<std::size_t>(stack.count) * value.sizeBytes(),
                value.bytes(), value.sizeBytes());
    ++stack.count;
    return {};
}

Result<Tensor> RoundStacks::take(std::size_t index, const Value &declared) const {
    const Stack &stack = m_stacks[index];
    if (stack.rows.empty()) {
        if (declared.dtype == DType::Undefined)
            return fail(
                ErrorCode::InvalidArgument,
                fmt::format("the loop had no round, and no type is declared for '{}'", declared.name));
        std::vector<std::int64_t> dims{0};
        for (const std::int64_t dim : declared.shape)
            dims.push_back(std::max<std::int64_t>(0, dim));
        return m_call.allocate(declared.dtype, Shape(std::move(dims)));
    }
    std::vector<std::int64_t> dims = stack.rows.shape().dims();
    dims[0] = stack.count;
    return Tensor::wrap(stack.rows.dtype(), Shape(std::move(dims)), stack.rows.storage());
}

} // namespace qs
