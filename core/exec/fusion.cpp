#include "core/exec/fusion.h"

#include "core/exec/convolution_tail.h"
#include "core/exec/onednn_kernels.h"
#include "core/exec/reference/channel_scale.h"

namespace qs {
namespace {

/// The node after `id` if it is the only reader of what `id` computes, as its first input; else nullptr.
const Node *onlyReader(const ModelGraph &graph, NodeId id) {
    const Node &own = graph.node(id);
    const ValueId value = own.outputs.empty() ? kNoValue : own.outputs.front();
    if (value == kNoValue)
        return nullptr;
    const auto next = static_cast<std::size_t>(id) + 1;
    if (next >= graph.nodes().size() || graph.consumers(value) != std::vector<NodeId>{id + 1} ||
        std::count(graph.outputs().begin(), graph.outputs().end(), value) > 0)
        return nullptr;
    const Node &node = graph.nodes()[next];
    const bool readsFirst = !node.inputs.empty() && node.inputs.front() == value &&
                            std::count(node.inputs.begin(), node.inputs.end(), value) == 1;
    return readsFirst && node.domain.empty() && node.outputs.size() == 1 ? &node : nullptr;
}

/// A constant float32 operand of that shape, or nullptr.
const Tensor *constantFloats(const ModelGraph &graph, const Node &node, std::size_t index) {
    if (index >= node.inputs.size() || node.inputs[index] == kNoValue)
        return nullptr;
    const Tensor *tensor = graph.constant(node.inputs[index]);
    return tensor && tensor->dtype() == DType::Float32 ? tensor : nullptr;
}

bool takeBatchNorm(const ModelGraph &graph, const Node &node, std::int64_t channels, ConvolutionTail &tail) {
    std::array<const Tensor *, 4> parameters;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        parameters[i] = constantFloats(graph, node, i + 1);
        if (!parameters[i] || parameters[i]->shape() != Shape{channels})
            return false;
    }
    const auto [scale, bias, mean, variance] = parameters;
    auto fitted = ChannelScale<float>::of(
        {scale->values<float>(), bias->values<float>(), mean->values<float>(), variance->values<float>()},
        node.floatAttribute("epsilon", 1e-5));
    tail.factor = std::move(fitted.factor);
    tail.offset = std::move(fitted.offset);
    return true;
}

/// Limits in the inputs of the node, as from opset 11 on.
bool takeClip(const ModelGraph &graph, const Node &node, ConvolutionTail &tail) {
    if (graph.opset() < 11)
        return false;
    tail.low = std::numeric_limits<float>::lowest();
    tail.high = std::numeric_limits<float>::max();
    for (std::size_t i = 1; i < node.inputs.size(); ++i) {
        if (node.inputs[i] == kNoValue)
            continue;
        const Tensor *limit = constantFloats(graph, node, i);
        if (!limit || limit->numel() != 1)
            return false;
        (i == 1 ? tail.low : tail.high) = limit->values<float>()[0];
    }
    return true;
}

bool takeLimits(const ModelGraph &graph, const Node &node, ConvolutionTail &tail) {
    if (node.opType == "Clip")
        return takeClip(graph, node, tail);
    if (node.opType == "Relu")
        tail.low = 0;
    return node.opType == "Relu";
}

} // namespace

std::optional<FusedNodes> fuseConvolution(const ModelGraph &graph, NodeId id, Kernel reference) {
    const Node &convolution = graph.node(id);
    const Tensor *weight = constantFloats(graph, convolution, 1);
    if (convolution.opType != "Conv" || !convolution.domain.empty() || !weight || weight->shape().rank() < 3)
        return std::nullopt;
    ConvolutionTail tail;
    NodeId last = id;
    const Node *next = onlyReader(graph, last);
    if (next && next->opType == "BatchNormalization" && takeBatchNorm(graph, *next, weight->shape()[0], tail))
        next = onlyReader(graph, ++last);
    if (ConvolutionTail limited = tail; next && takeLimits(graph, *next, limited)) {
        tail = std::move(limited);
        ++last;
    }
    if (last == id)
        return std::nullopt;
    NodeReader reader(convolution, graph);
    auto kernel = convolutionWithTail(reader, std::move(reference), std::move(tail));
    if (!kernel)
        return std::nullopt;
    return FusedNodes{last, std::move(*kernel)};
}

} // namespace qs
