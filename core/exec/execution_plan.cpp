#include "core/exec/execution_plan.h"

#include "core/exec/control_flow.h"
#include "core/exec/kernel_list.h"
#include "core/exec/onednn_kernels.h"

#include <set>

namespace qs {
namespace {

/// Larger results are computed in every pass: an expanded constant may not cost more than the model.
constexpr std::size_t kLargestFoldedBytes = std::size_t{64} << 20;

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

void foldNode(Executor::Impl &impl, NodeId id) {
    const Node &node = impl.graph().node(id);
    auto operands = constantOperands(impl, id);
    if (!operands || mayRunForever(node))
        return;
    const RunContext ctx;
    KernelCall call{*operands, ctx, *impl.pool, kLargestFoldedBytes};
    const auto outputs = impl.kernels[static_cast<std::size_t>(id)](call);
    if (!outputs || outputs->size() < node.outputs.size())
        return;
    for (std::size_t i = 0; i < node.outputs.size(); ++i)
        if (node.outputs[i] != kNoValue)
            impl.constants[static_cast<std::size_t>(node.outputs[i])] = (*outputs)[i];
    impl.folded[static_cast<std::size_t>(id)] = true;
}

} // namespace

Result<Kernel> makeKernel(const Node &node, const ModelGraph &graph, const ExecutorOptions &options) {
    if (isControlFlow(node))
        return createControlFlowKernel(node, graph, options.useOneDnn);
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
    for (std::size_t n = 0; n < graph.nodes().size(); ++n)
        if (!layerNodes.contains(static_cast<NodeId>(n)))
            foldNode(impl, static_cast<NodeId>(n));
}

} // namespace qs
