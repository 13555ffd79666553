#include "core/export/exporters/onnx_layer_additions.h"

#include <onnx/onnx_pb.h>

namespace qs {
namespace {

/// [rows, cols] as [cols, rows].
Tensor transposed(const Tensor &matrix) {
    const std::int64_t rows = matrix.shape()[0], cols = matrix.shape()[1];
    Tensor result = Tensor::allocate(DType::Float32, Shape{cols, rows});
    const float *src = matrix.values<float>().data();
    const auto dst = result.mutableValues<float>();
    for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = 0; c < cols; ++c)
            dst[static_cast<std::size_t>(c * rows + r)] = *src++;
    return result;
}

/// \return the name of the branch's output
std::string writeBranch(const Layer &layer, int node, const std::string &activation,
                        const LowRankBranch &branch, OnnxGraphEdit &edit) {
    const std::string base = layer.name + ".branch";
    if (edit.node(node).op_type() == "MatMul") {
        const std::string inner = edit.addNodeAfter(
            node, "MatMul", {activation, edit.addInitializer(base + "_down", transposed(branch.down))},
            base + "_inner");
        return edit.addNodeAfter(node, "MatMul",
                                 {inner, edit.addInitializer(base + "_up", transposed(branch.up))},
                                 base + "_output");
    }
    const std::string weight = edit.addInitializer(base + "_weight", toStoredLayout(layer, branch.product()));
    std::vector<std::string> inputs(2);
    inputs[static_cast<std::size_t>(layer.inputIndex)] = activation;
    inputs[static_cast<std::size_t>(layer.weightIndex)] = weight;
    return edit.addCopyAfter(node, inputs, base + "_output");
}

} // namespace

Tensor placedOffset(const Layer &layer, std::span<const float> offset) {
    const auto channels = static_cast<std::int64_t>(offset.size());
    std::vector<std::int64_t> dims{channels};
    if (layer.kind == LayerKind::Conv) {
        dims.assign(static_cast<std::size_t>(layer.weightShape.rank()), 1);
        dims[1] = channels;
    }
    return Tensor::fromValues<float>(Shape(std::move(dims)), offset);
}

void writeAdditions(const Layer &layer, int node, const std::string &activation,
                    const QuantizedLayer &quantized, OnnxGraphEdit &edit) {
    std::string summand;
    if (quantized.weight && quantized.weight->branch)
        summand = writeBranch(layer, node, activation, *quantized.weight->branch, edit);
    if (!quantized.outputOffset.empty()) {
        const std::string offset =
            edit.addInitializer(layer.name + ".output_offset", placedOffset(layer, quantized.outputOffset));
        summand = summand.empty()
                      ? offset
                      : edit.addNodeAfter(node, "Add", {summand, offset}, layer.name + ".added_output");
    }
    if (!summand.empty())
        edit.addToOutput(node, summand);
}

} // namespace qs
