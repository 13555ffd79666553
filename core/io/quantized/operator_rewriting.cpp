#include "core/io/quantized/operator_rewriting.h"

#include "core/graph/node_name.h"
#include "core/tensor/convert.h"

#include <algorithm>

namespace qs {
namespace {

using NewNode = GraphRewrite::NewNode;

/// Scales of a list with as many entries as there are zero points; DequantizeLinear wants one of each.
Tensor listOfScales(const Tensor &scale, const Tensor *zeroPoint) {
    const std::int64_t count = scale.numel(), wanted = zeroPoint ? zeroPoint->numel() : 1;
    if (count != 1 || wanted <= 1 || scale.dtype() != DType::Float32)
        return count == 1 ? scale.reshaped(Shape{}) : scale.reshaped(Shape{count});
    return Tensor::fromValues<float>(
        Shape{wanted}, std::vector<float>(static_cast<std::size_t>(wanted), scale.values<float>()[0]));
}

/// int32 bias · input scale · weight scale.
Result<Tensor> biasValues(const Tensor &bias, const Tensor &inputScale, const Tensor &weightScale) {
    QS_TRY(const std::vector<std::int32_t> codes, integerCodes(bias));
    const auto count = static_cast<std::int64_t>(codes.size());
    if (inputScale.numel() != 1 || (weightScale.numel() != 1 && weightScale.numel() != count) ||
        inputScale.dtype() != DType::Float32 || weightScale.dtype() != DType::Float32)
        return fail(ErrorCode::CorruptFile, "has a bias that does not fit its scales");
    Tensor values = Tensor::allocate(DType::Float32, Shape{count});
    for (std::size_t i = 0; i < codes.size(); ++i)
        values.mutableValues<float>()[i] =
            static_cast<float>(codes[i]) *
            (inputScale.values<float>()[0] * weightScale.values<float>()[weightScale.numel() == 1 ? 0 : i]);
    return values;
}

} // namespace

bool hasOneOutput(const Node &node) {
    return node.outputs.size() == 1 && node.outputs[0] != kNoValue;
}

Result<std::string> addWeight(const ModelGraph &graph, const std::string &codesName, const Tensor &codes,
                              const Tensor &scale, const Tensor *zeroPoint, int axis, const std::string &form,
                              GraphRewrite &rewrite) {
    QS_TRY(WeightGrid grid, gridOfCodes(codes, listOfScales(scale, zeroPoint), zeroPoint, axis, 0, form));
    std::string name = rewrite.freeName(graph, codesName + "_dequantized");
    Tensor value = grid.values();
    QS_CHECK_OK(rewrite.addConstant(name, FoldedConstant{std::move(value), codes, std::move(grid)}));
    return name;
}

std::string addDequantize(const ModelGraph &graph, const Node &node, const std::string &codes,
                          const std::string &scale, const std::string &zeroPoint, GraphRewrite &rewrite) {
    NewNode added{node.name + "/dequantize",
                  "DequantizeLinear",
                  {codes, scale},
                  rewrite.freeName(graph, codes + "_dequantized"),
                  {}};
    if (!zeroPoint.empty())
        added.inputs.push_back(zeroPoint);
    rewrite.nodes.push_back(added);
    return added.output;
}

std::string addQuantize(const ModelGraph &graph, const Node &node, std::size_t scale, GraphRewrite &rewrite) {
    const NodeInputs in(graph, node);
    const std::string output = graph.value(node.outputs[0]).name;
    const std::string source = rewrite.freeName(graph, output + "_float");
    NewNode quantize{node.name + "/quantize", "QuantizeLinear", {source, in.name(scale)}, output, {}};
    if (in.has(scale + 1))
        quantize.inputs.push_back(in.name(scale + 1));
    rewrite.nodes.push_back(std::move(quantize));
    return source;
}

Result<std::string> addBias(const ModelGraph &graph, const Node &node, std::size_t bias,
                            std::size_t inputScale, std::size_t weightScale, GraphRewrite &rewrite) {
    const NodeInputs in(graph, node);
    if (!in.constant(bias) || !in.constant(inputScale) || !in.constant(weightScale))
        return fail(ErrorCode::Unsupported, "has a bias, and that or a scale is not constant");
    std::string name = rewrite.freeName(graph, in.name(bias) + "_dequantized");
    QS_TRY(Tensor values,
           biasValues(*in.constant(bias), *in.constant(inputScale), *in.constant(weightScale)));
    QS_CHECK_OK(
        rewrite.addConstant(name, FoldedConstant{std::move(values), *in.constant(bias), std::nullopt}));
    return name;
}

} // namespace qs
