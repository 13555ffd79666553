#include "core/io/quantized/operator_rewriting.h"

#include <array>

namespace qs {
namespace {

using NewNode = GraphRewrite::NewNode;

std::string outputOf(const ModelGraph &graph, const Node &node) {
    return graph.value(node.outputs[0]).name;
}

/// The attributes but for some.
std::map<std::string, Attribute> without(const Node &node, std::initializer_list<const char *> names) {
    std::map<std::string, Attribute> attributes = node.attributes;
    for (const char *name : names)
        attributes.erase(name);
    return attributes;
}

/// Adds `made`, which computes the output of the node, or something that a constant or value is added to.
void addProduct(const ModelGraph &graph, const Node &node, NewNode made, const std::string &added,
                const std::string &output, GraphRewrite &rewrite) {
    made.output = added.empty() ? output : rewrite.freeName(graph, output + "_product");
    if (!added.empty())
        rewrite.nodes.push_back({node.name + "/add", "Add", {made.output, added}, output, {}});
    rewrite.nodes.push_back(std::move(made));
}

/// A weight of codes that is input `codes`, with its scale and zero point. \return empty: not constant
Result<std::string> weightOf(const ModelGraph &graph, const Node &node, std::array<std::size_t, 3> at,
                             bool transposed, GraphRewrite &rewrite) {
    const auto [codes, scale, zeroPoint] = at;
    const NodeInputs in(graph, node);
    const Tensor *weight = in.constant(codes);
    if (!weight || !in.constant(scale) || (in.has(zeroPoint) && !in.constant(zeroPoint)) ||
        weight->shape().rank() < 2)
        return std::string();
    return addWeight(graph, in.name(codes), *weight, *in.constant(scale), in.constant(zeroPoint),
                     weight->shape().rank() - (transposed ? 2 : 1), node.opType, rewrite);
}

/// QGemm(A, as, az, B, bs, bz, C?, ys?, yz?)
Result<bool> rewriteQGemm(const ModelGraph &graph, const Node &node, GraphRewrite &rewrite) {
    const NodeInputs in(graph, node);
    if (!in.has(0) || !in.has(1) || (in.has(7) && !in.has(8)))
        return false;
    QS_TRY(const std::string weight,
           weightOf(graph, node, {3, 4, 5}, node.intAttribute("transB", 0) != 0, rewrite));
    if (weight.empty())
        return false;
    std::string bias;
    if (in.has(6)) {
        QS_TRY(bias, addBias(graph, node, 6, 1, 4, rewrite));
    }
    NewNode made{node.name, "Gemm", {}, {}, node.attributes};
    made.inputs = {addDequantize(graph, node, in.name(0), in.name(1), in.name(2), rewrite), weight};
    if (!bias.empty()) {
        made.inputs.push_back(bias);
        made.attributes["beta"] = node.floatAttribute("alpha", 1); // the steps of the bias hold alpha, too
    }
    made.output = in.has(7) ? addQuantize(graph, node, 7, rewrite) : outputOf(graph, node);
    rewrite.nodes.push_back(std::move(made));
    return true;
}

/// MatMulIntegerToFloat(A, B, as, bs, az?, bz?, bias?)
Result<bool> rewriteMatMulToFloat(const ModelGraph &graph, const Node &node, GraphRewrite &rewrite) {
    const NodeInputs in(graph, node);
    if (!in.has(0) || !in.has(2))
        return false;
    QS_TRY(const std::string weight, weightOf(graph, node, {1, 3, 5}, false, rewrite));
    if (weight.empty())
        return false;
    const std::string a = addDequantize(graph, node, in.name(0), in.name(2), in.name(4), rewrite);
    addProduct(graph, node, {node.name, "MatMul", {a, weight}, {}, {}}, in.name(6), outputOf(graph, node),
               rewrite);
    return true;
}

/// DynamicQuantizeMatMul(A, B, bs, bz?, bias?)
Result<bool> rewriteDynamicMatMul(const ModelGraph &graph, const Node &node, GraphRewrite &rewrite) {
    const NodeInputs in(graph, node);
    if (!in.has(0))
        return false;
    QS_TRY(const std::string weight, weightOf(graph, node, {1, 2, 3}, false, rewrite));
    if (weight.empty())
        return false;
    NewNode quantize{node.name + "/quantize", "DynamicQuantizeLinear", {in.name(0)}, {}, {}};
    quantize.output = rewrite.freeName(graph, outputOf(graph, node) + "_codes");
    quantize.moreOutputs = {rewrite.freeName(graph, outputOf(graph, node) + "_scale"),
                            rewrite.freeName(graph, outputOf(graph, node) + "_zero_point")};
    rewrite.nodes.push_back(quantize);
    const std::string a = addDequantize(graph, node, quantize.output, quantize.moreOutputs[0],
                                        quantize.moreOutputs[1], rewrite);
    addProduct(graph, node, {node.name, "MatMul", {a, weight}, {}, {}}, in.name(4), outputOf(graph, node),
               rewrite);
    return true;
}

/// QAttention(x, w, bias, xs, ws, mask?, xz?, wz?, past?)
Result<bool> rewriteQAttention(const ModelGraph &graph, const Node &node, GraphRewrite &rewrite) {
    const NodeInputs in(graph, node);
    if (!in.has(0) || !in.has(2) || !in.has(3) || in.has(8) || node.intAttribute("do_rotary", 0) != 0)
        return false;
    QS_TRY(const std::string weight, weightOf(graph, node, {1, 4, 7}, false, rewrite));
    if (weight.empty())
        return false;
    NewNode made{node.name, "Attention", {}, outputOf(graph, node), without(node, {"do_rotary"})};
    made.domain = kMicrosoftDomain;
    made.inputs = {addDequantize(graph, node, in.name(0), in.name(3), in.name(6), rewrite), weight,
                   in.name(2)};
    if (in.has(5))
        made.inputs.push_back(in.name(5));
    rewrite.nodes.push_back(std::move(made));
    return true;
}

/// The parameters of the activation in ONNX Runtime's order, as many as were given.
std::vector<double> activationParameters(const Node &node) {
    std::vector<double> parameters;
    if (const auto found = node.attributes.find("activation_params"); found != node.attributes.end())
        if (const auto *list = std::get_if<std::vector<double>>(&found->second))
            parameters = *list;
    for (const char *name : {"activation_alpha", "activation_beta"})
        if (node.hasAttribute(name))
            parameters.push_back(node.floatAttribute(name, 0));
    return parameters;
}

/// The names of these parameters as attributes of the activation; nothing for an activation that is not
/// known.
std::optional<std::vector<std::string>> parameterNames(const std::string &activation) {
    if (activation == "Relu" || activation == "Tanh" || activation == "Sigmoid")
        return std::vector<std::string>{};
    if (activation == "LeakyRelu")
        return std::vector<std::string>{"alpha"};
    if (activation == "HardSigmoid")
        return std::vector<std::string>{"alpha", "beta"};
    if (activation == "Clip")
        return std::vector<std::string>{"min", "max"};
    return std::nullopt;
}

/// The activation of a fused node; its input 0 is still empty.
Result<NewNode> activationNode(const ModelGraph &graph, const Node &node, const std::string &type,
                               const std::vector<std::string> &names, GraphRewrite &rewrite) {
    const std::vector<double> parameters = activationParameters(node);
    NewNode made{node.name + "/" + type, type, {{}}, {}, {}};
    for (std::size_t i = 0; i < std::min(names.size(), parameters.size()); ++i) {
        if (type != "Clip" || graph.opset() < 11) {
            made.attributes[names[i]] = parameters[i];
            continue;
        }
        made.inputs.push_back(rewrite.freeName(graph, node.name + "/" + names[i]));
        const Tensor limit = Tensor::scalar(static_cast<float>(parameters[i]));
        QS_CHECK_OK(rewrite.addConstant(made.inputs.back(), {limit, limit, std::nullopt}));
    }
    return made;
}

/// FusedConv(X, W, B?, Z?) and FusedGemm(A, B, C?): the operator, Z added, the activation if there is one.
Result<bool> rewriteFusedActivation(const ModelGraph &graph, const Node &node, GraphRewrite &rewrite) {
    const NodeInputs in(graph, node);
    const bool conv = node.opType == "FusedConv";
    const std::string type = node.stringAttribute("activation", "");
    const auto parameters = parameterNames(type);
    // FusedGemm without an activation is refused by ONNX Runtime.
    if (!in.has(0) || !in.has(1) || !(parameters || (conv && type.empty())))
        return false;
    NewNode made{node.name, conv ? "Conv" : "Gemm", {in.name(0), in.name(1)}, {}, {}};
    made.attributes = without(
        node, {"activation", "activation_params", "activation_alpha", "activation_beta", "activation_gamma"});
    if (in.has(2))
        made.inputs.push_back(in.name(2));
    std::string linear = outputOf(graph, node);
    if (parameters) {
        QS_TRY(NewNode activation, activationNode(graph, node, type, *parameters, rewrite));
        activation.output = std::exchange(linear, rewrite.freeName(graph, linear + "_linear"));
        activation.inputs[0] = linear;
        rewrite.nodes.push_back(std::move(activation));
    }
    addProduct(graph, node, std::move(made), conv ? in.name(3) : std::string(), linear, rewrite);
    return true;
}

} // namespace

Result<bool> rewriteFusedOperator(const ModelGraph &graph, NodeId id, GraphRewrite &rewrite) {
    const Node &node = graph.node(id);
    if (node.domain != kMicrosoftDomain || !hasOneOutput(node))
        return false;
    auto result = node.opType == "QGemm"                   ? rewriteQGemm(graph, node, rewrite)
                  : node.opType == "MatMulIntegerToFloat"  ? rewriteMatMulToFloat(graph, node, rewrite)
                  : node.opType == "DynamicQuantizeMatMul" ? rewriteDynamicMatMul(graph, node, rewrite)
                  : node.opType == "QAttention"            ? rewriteQAttention(graph, node, rewrite)
                  : node.opType == "FusedConv" || node.opType == "FusedGemm"
                      ? rewriteFusedActivation(graph, node, rewrite)
                      : Result<bool>(false);
    if (result && *result)
        rewrite.removed.insert(id);
    return result;
}

} // namespace qs
