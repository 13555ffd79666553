#include "core/io/quantized/operator_rewriting.h"

#include <algorithm>

namespace qs {
namespace {

using NewNode = GraphRewrite::NewNode;

/// An operator of com.microsoft from codes to codes. Every operand is three inputs: codes, scale, zero point.
struct LinearOperator {
    const char *opType, *floatOpType;
    std::vector<std::size_t> operands; ///< where the operands begin
    std::size_t scale;                 ///< of the result; its zero point is the next input
    bool takesCondition = false;       ///< input 0 holds no codes
};

const LinearOperator *findLinear(const Node &node) {
    static const LinearOperator kOperators[] = {
        {"QLinearAdd", "Add", {0, 3}, 6},
        {"QLinearMul", "Mul", {0, 3}, 6},
        {"QLinearSigmoid", "Sigmoid", {0}, 3},
        {"QLinearLeakyRelu", "LeakyRelu", {0}, 3},
        {"QLinearSoftmax", "Softmax", {0}, 3},
        {"QLinearAveragePool", "AveragePool", {0}, 3},
        {"QLinearGlobalAveragePool", "GlobalAveragePool", {0}, 3},
        {"QLinearConcat", "Concat", {}, 0},
        {"QLinearWhere", "Where", {1, 4}, 7, true},
    };
    const auto found =
        std::ranges::find(kOperators, node.opType, [](const LinearOperator &entry) { return entry.opType; });
    return found == std::end(kOperators) ? nullptr : found;
}

/// Where the operands begin; those of a concatenation follow the result's scale and zero point.
std::vector<std::size_t> operandsOf(const LinearOperator &form, const NodeInputs &in) {
    if (!form.operands.empty())
        return form.operands;
    std::vector<std::size_t> operands;
    for (std::size_t i = 2; i + 2 < in.count(); i += 3)
        operands.push_back(i);
    return operands;
}

/// What the float operator of this opset would take otherwise.
bool meansTheSame(const ModelGraph &graph, const Node &node) {
    const std::int64_t opset = graph.opset();
    if (node.intAttribute("channels_last", 0) != 0)
        return false;
    if (node.opType == "QLinearSoftmax") // axes before opset 13 mean the ones behind them, too
        return (node.intAttribute("opset", opset) < 13) == (opset < 13);
    if (node.opType ==
        "QLinearAveragePool") // counts what hangs over the end as padding, AveragePool does not
        return node.intAttribute("ceil_mode", 0) == 0 || node.intAttribute("count_include_pad", 0) == 0;
    return true;
}

} // namespace

Result<bool> rewriteLinearOperator(const ModelGraph &graph, NodeId id, GraphRewrite &rewrite) {
    const Node &node = graph.node(id);
    const NodeInputs in(graph, node);
    const LinearOperator *form = node.domain == kMicrosoftDomain ? findLinear(node) : nullptr;
    // Without a zero point the type of the result would be a guess.
    if (!form || !hasOneOutput(node) || !in.has(form->scale) || !in.has(form->scale + 1) ||
        !meansTheSame(graph, node))
        return false;
    const std::vector<std::size_t> operands = operandsOf(*form, in);
    if (operands.empty() || std::ranges::any_of(operands, [&](std::size_t operand) {
            return !in.has(operand) || !in.has(operand + 1);
        }))
        return false;
    NewNode made{node.name, form->floatOpType, {}, {}, node.attributes};
    made.attributes.erase("channels_last");
    made.attributes.erase("opset");
    if (form->takesCondition)
        made.inputs.push_back(in.name(0));
    for (const std::size_t operand : operands)
        made.inputs.push_back(addDequantize(graph, node, in.name(operand), in.name(operand + 1),
                                            in.name(operand + 2), rewrite));
    made.output = addQuantize(graph, node, form->scale, rewrite);
    rewrite.nodes.push_back(std::move(made));
    rewrite.removed.insert(id);
    return true;
}

} // namespace qs
