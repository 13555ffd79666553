#include "core/exec/execution_plan.h"

#include "core/base/deadline.h"
#include "core/exec/control_flow.h"
#include "core/exec/kernel_list.h"
#include "core/exec/onednn_kernels.h"

#include <set>

namespace qs {
namespace {

/// Larger results are computed in every pass: an expanded constant may not cost more than the model.
constexpr std::size_t kLargestFoldedBytes = std::size_t{64} << 20;
constexpr std::size_t kMostFoldedBytes = 4 * kLargestFoldedBytes; ///< of all nodes together
/// Nobody can cancel the making of an executor; what is not folded by then runs in every pass.
constexpr std::chrono::seconds kFoldingTime{5};

std::vector<NodeId> lastUses(const ModelGraph &graph) {
    std::vector<NodeId> lastUse(graph.values().size(), kNoNode);
    for (std::size_t value = 0; value < lastUse.size(); ++value)
        if (const auto &readers = graph.consumers(static_cast<ValueId>(value)); !readers.empty())
            lastUse[value] = readers.back();
    for (const ValueId output : graph.outputs())
        lastUse[static_cast<std::size_t>(output)] = static_cast<NodeId>(graph.nodes().size());
    return lastUse;
}

/// The constant operands of a node, or nullopt when one of them is not constant.
std::optional<std::vector<Tensor>> constantOperands(const Executor::Impl &impl, NodeId id) {
    std::vector<Tensor> operands;
    for (const ValueId input : impl.operands[static_cast<std::size_t>(id)]) {
        operands.push_back(input == kNoValue ? Tensor{} : impl.constants[static_cast<std::size_t>(input)]);
        if (input != kNoValue && operands.back().empty())
            return std::nullopt;
    }
    return operands;
}

/// Computes nodes whose operands are all constant, within bounds of time and memory.
class Folder {
public:
    explicit Folder(Executor::Impl &impl) : m_impl(impl) {}

    void fold(NodeId id) {
        const Node &node = m_impl.graph().node(id);
        if (mayRunForever(node))
            return;
        auto operands = constantOperands(m_impl, id);
        if (!operands)
            return;
        const std::optional<std::vector<Tensor>> outputs = compute(id, *operands);
        if (!outputs || outputs->size() < node.outputs.size())
            return;
        std::size_t bytes = 0;
        for (const Tensor &output : *outputs)
            bytes += sharesBytes(output, *operands) ? 0 : output.sizeBytes();
        if (bytes > m_bytesLeft)
            return;
        m_bytesLeft -= bytes;
        for (std::size_t i = 0; i < node.outputs.size(); ++i)
            if (node.outputs[i] != kNoValue)
                m_impl.constants[static_cast<std::size_t>(node.outputs[i])] = (*outputs)[i];
        m_impl.folded[static_cast<std::size_t>(id)] = true;
    }

private:
    /// Nothing where the node fails: a pass will say why.
    std::optional<std::vector<Tensor>> compute(NodeId id, std::vector<Tensor> operands) {
        if (!m_deadline)
            m_deadline.emplace(kFoldingTime);
        RunContext ctx;
        ctx.stop = m_deadline->token();
        if (ctx.cancelled())
            return std::nullopt;
        KernelCall call{operands, ctx, *m_impl.pool, kLargestFoldedBytes};
        auto outputs = applyKernel(m_impl.kernels[static_cast<std::size_t>(id)], call);
        return outputs ? std::optional(std::move(*outputs)) : std::nullopt;
    }

    static bool sharesBytes(const Tensor &output, const std::vector<Tensor> &operands) {
        return output.empty() || std::any_of(operands.begin(), operands.end(), [&](const Tensor &operand) {
                   return operand.storage() == output.storage();
               });
    }

    Executor::Impl &m_impl;
    std::size_t m_bytesLeft = kMostFoldedBytes;
    std::optional<Deadline> m_deadline; ///< since the first node
};

} // namespace

Result<Kernel> makeKernel(const Node &node, const ModelGraph &graph, const ExecutorOptions &options) {
    if (isControlFlow(node))
        return createControlFlowKernel(node, graph, options);
    QS_TRY(Kernel reference, createKernel(referenceKernels(), node, graph));
    if (!options.useOneDnn || !node.domain.empty())
        return reference;
    for (const FastKernelEntry &entry : oneDnnKernels())
        if (node.opType == entry.opType) {
            NodeReader reader(node, graph);
            auto fast = entry.create(reader, reference);
            return fast ? fast : reference;
        }
    return reference;
}

Status fuseNodes(Executor::Impl &impl) {
    const ModelGraph &graph = impl.graph();
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        const Node &node = graph.nodes()[n];
        if (node.opType == "MatMul")
            if (auto fused = fuseProduct(graph, static_cast<NodeId>(n), impl.kernels[n]))
                impl.fused.emplace(static_cast<NodeId>(n), std::move(*fused));
        if (node.opType != "Conv")
            continue;
        QS_TRY(Kernel reference, createKernel(referenceKernels(), node, graph));
        if (auto fused = fuseConvolution(graph, static_cast<NodeId>(n), std::move(reference)))
            impl.fused.emplace(static_cast<NodeId>(n), std::move(*fused));
    }
    return {};
}

void planExecution(Executor::Impl &impl) {
    const ModelGraph &graph = impl.graph();
    impl.lastUse = lastUses(graph);
    impl.constants.resize(graph.values().size());
    for (const auto &[id, tensor] : graph.constants())
        impl.constants[static_cast<std::size_t>(id)] = tensor;
    impl.folded.assign(graph.nodes().size(), false);
    std::set<NodeId> layerNodes;
    for (const Layer &layer : impl.model->layers)
        layerNodes.insert(layer.node);
    Folder folder(impl);
    for (std::size_t n = 0; n < graph.nodes().size(); ++n)
        if (!layerNodes.contains(static_cast<NodeId>(n)))
            folder.fold(static_cast<NodeId>(n));
}

} // namespace qs
