#include "core/io/quantized/operator_rewriting.h"

#include <algorithm>

namespace qs {
namespace {

using NewNode = GraphRewrite::NewNode;

/// QLinearConv(x, xs, xz, w, ws, wz, ys, yz, B), QLinearMatMul(a, as, az, b, bs, bz, ys, yz).
Result<bool> rewriteQLinear(const ModelGraph &graph, NodeId id, GraphRewrite &rewrite) {
    const Node &node = graph.node(id);
    const NodeInputs in(graph, node);
    const bool conv = node.opType == "QLinearConv";
    const Tensor *weight = in.constant(3), *scale = in.constant(4);
    if (!weight || !scale || in.id(0) == kNoValue || in.id(6) == kNoValue || !hasOneOutput(node))
        return false;
    const int axis = conv ? 0 : weight->shape().rank() - 1;
    QS_TRY(const std::string weightName,
           addWeight(graph, in.name(3), *weight, *scale, in.constant(5), axis, node.opType, rewrite));
    std::string bias;
    if (conv && in.has(8)) {
        QS_TRY(bias, addBias(graph, node, 8, 1, 4, rewrite));
    }
    NewNode made{node.name, conv ? "Conv" : "MatMul", {}, {}, node.attributes};
    made.inputs = {addDequantize(graph, node, in.name(0), in.name(1), in.name(2), rewrite), weightName};
    if (!bias.empty())
        made.inputs.push_back(bias);
    made.output = addQuantize(graph, node, 6, rewrite);
    rewrite.nodes.push_back(std::move(made));
    rewrite.removed.insert(id);
    return true;
}

/// What follows an integer product until both scales have been multiplied.
struct ScaleChain {
    std::vector<NodeId> nodes; ///< Cast, Mul
    ValueId activationScale = kNoValue;
    std::optional<Tensor> weightScale;
    ValueId end = kNoValue; ///< the product with both scales
};

/// Whether a node has that many inputs, none of them left out, and one output.
bool isWhole(const Node &node, std::size_t inputs) {
    return node.inputs.size() == inputs && std::ranges::find(node.inputs, kNoValue) == node.inputs.end() &&
           hasOneOutput(node);
}

/// The only reader of a value, if that is of the wanted kind and the value no output of the graph.
NodeId onlyReader(const ModelGraph &graph, ValueId value, const char *opType, std::size_t inputs) {
    const auto &readers = graph.consumers(value);
    const bool isOutput = std::ranges::find(graph.outputs(), value) != graph.outputs().end();
    if (readers.size() != 1 || isOutput)
        return kNoNode;
    const Node &reader = graph.node(readers[0]);
    return reader.opType == opType && isWhole(reader, inputs) ? readers[0] : kNoNode;
}

/// Sorts a factor into the chain: a constant is the weight's scale, a product of a constant is both.
void addFactor(const ModelGraph &graph, ValueId factor, ScaleChain &chain) {
    if (const Tensor *constant = graph.constant(factor)) {
        chain.weightScale = *constant;
        return;
    }
    const NodeId producer = graph.value(factor).producer;
    const bool product =
        producer != kNoNode && graph.node(producer).opType == "Mul" && isWhole(graph.node(producer), 2);
    const Tensor *left = product ? graph.constant(graph.node(producer).inputs[0]) : nullptr;
    const Tensor *right = product ? graph.constant(graph.node(producer).inputs[1]) : nullptr;
    if ((left != nullptr) != (right != nullptr)) {
        chain.weightScale = left ? *left : *right;
        chain.activationScale = graph.node(producer).inputs[left ? 1 : 0];
    } else {
        chain.activationScale = factor;
    }
}

std::optional<ScaleChain> findScales(const ModelGraph &graph, const Node &node) {
    ScaleChain chain;
    NodeId next = onlyReader(graph, node.outputs[0], "Cast", 1);
    if (next == kNoNode)
        return std::nullopt;
    chain.nodes.push_back(next);
    chain.end = graph.node(next).outputs[0];
    while (chain.activationScale == kNoValue || !chain.weightScale) {
        next = onlyReader(graph, chain.end, "Mul", 2);
        if (next == kNoNode)
            return std::nullopt;
        const Node &mul = graph.node(next);
        addFactor(graph, mul.inputs[mul.inputs[0] == chain.end ? 1 : 0], chain);
        chain.nodes.push_back(next);
        chain.end = mul.outputs[0];
    }
    return chain;
}

/// Whether the codes that enter were made with that scale.
bool isScaleOf(const ModelGraph &graph, ValueId scale, ValueId codes) {
    const NodeId producer = graph.value(codes).producer;
    if (producer == kNoNode)
        return false;
    const Node &node = graph.node(producer);
    return (node.opType == "DynamicQuantizeLinear" && node.outputs.size() > 1 && node.outputs[1] == scale) ||
           (node.opType == "QuantizeLinear" && node.inputs.size() > 1 && node.inputs[1] == scale);
}

/// ConvInteger(x, w, xz, wz), MatMulInteger(A, B, az, bz) with Cast and Mul behind them.
Result<bool> rewriteInteger(const ModelGraph &graph, NodeId id, GraphRewrite &rewrite) {
    const Node &node = graph.node(id);
    const NodeInputs in(graph, node);
    const Tensor *weight = in.constant(1);
    if (!weight || in.id(0) == kNoValue || !hasOneOutput(node) || weight->shape().rank() < 2)
        return false;
    const auto chain = findScales(graph, node);
    if (!chain || !isScaleOf(graph, chain->activationScale, in.id(0)))
        return fail(ErrorCode::Unsupported,
                    "has codes without a scale: the Cast and Mul behind the operator do not tell one");
    const bool conv = node.opType == "ConvInteger";
    QS_TRY(const std::string weightName,
           addWeight(graph, in.name(1), *weight, *chain->weightScale, in.constant(3),
                     conv ? 0 : weight->shape().rank() - 1, node.opType, rewrite));
    NewNode made{node.name, conv ? "Conv" : "MatMul", {}, graph.value(chain->end).name, node.attributes};
    made.inputs = {
        addDequantize(graph, node, in.name(0), graph.value(chain->activationScale).name, in.name(2), rewrite),
        weightName};
    rewrite.nodes.push_back(std::move(made));
    rewrite.removed.insert(id);
    rewrite.removed.insert(chain->nodes.begin(), chain->nodes.end());
    return true;
}

} // namespace

Result<bool> rewriteIntegerOperator(const ModelGraph &graph, NodeId id, GraphRewrite &rewrite) {
    const Node &node = graph.node(id);
    if (!node.domain.empty() || rewrite.removed.contains(id))
        return false;
    auto result = Result<bool>(false);
    if (node.opType == "QLinearConv" || node.opType == "QLinearMatMul")
        result = rewriteQLinear(graph, id, rewrite);
    else if (node.opType == "ConvInteger" || node.opType == "MatMulInteger")
        result = rewriteInteger(graph, id, rewrite);
    return result;
}

} // namespace qs
