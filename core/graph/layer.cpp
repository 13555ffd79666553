#include "core/graph/layer.h"

#include "core/base/machine_memory.h"
#include "core/base/number_text.h"
#include "core/graph/node_name.h"
#include "core/graph/weight_difference.h"
#include "core/graph/weights_only.h"
#include "core/tensor/convert.h"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <map>
#include <set>

namespace qs {
namespace {

const Tensor *floatConstant(const ModelGraph &graph, const Node &node, std::size_t index) {
    if (index >= node.inputs.size() || node.inputs[index] == kNoValue)
        return nullptr;
    const Tensor *tensor = graph.constant(node.inputs[index]);
    return tensor && isFloatingPoint(tensor->dtype()) && tensor->numel() > 0 ? tensor : nullptr;
}

ValueId inputOrNone(const Node &node, std::size_t index) {
    return index < node.inputs.size() ? node.inputs[index] : kNoValue;
}

void describeConv(Layer &layer, const Node &node, const Shape &weight) {
    layer.kind = LayerKind::Conv;
    layer.outChannels = weight[0];
    layer.inPerOut = weight.numelBetween(1, weight.rank());
    layer.groups = node.intAttribute("group", 1);
    layer.bias = inputOrNone(node, 2);
    layer.biasIndex = layer.bias == kNoValue ? -1 : 2;
}

void describeLinear(Layer &layer, const Node &node, const Shape &weight) {
    layer.kind = LayerKind::Linear;
    const bool gemm = node.opType == "Gemm";
    // y = x·B stores [in, out]; Gemm with transB stores [out, in], which is already the method's layout.
    layer.transposed = !(gemm && node.intAttribute("transB", 0) != 0);
    layer.outChannelAxis = layer.transposed ? 1 : 0;
    layer.outChannels = weight[layer.outChannelAxis];
    layer.inPerOut = weight[1 - layer.outChannelAxis];
    if (gemm) {
        layer.bias = inputOrNone(node, 2);
        layer.biasIndex = layer.bias == kNoValue ? -1 : 2;
    }
}

void describeEmbedding(Layer &layer, const Shape &weight) {
    layer.kind = LayerKind::Embedding;
    layer.weightIndex = 0;
    layer.inputIndex = 1;
    layer.outChannels = weight[0];
    layer.inPerOut = weight[1];
}

bool describeLayer(Layer &layer, const Node &node, const ModelGraph &graph) {
    const Tensor *weight = floatConstant(graph, node, 1);
    if (!node.domain.empty())
        return weight && describeWeightsOnlyLayer(layer, node, weight->shape());
    if (weight) {
        const Shape &shape = weight->shape();
        if (node.opType == "Conv" && shape.rank() >= 3 && node.intAttribute("group", 1) > 0) {
            describeConv(layer, node, shape);
            return true;
        }
        if ((node.opType == "MatMul" || node.opType == "Gemm") && shape.rank() == 2 &&
            node.intAttribute("transA", 0) == 0) {
            describeLinear(layer, node, shape);
            return true;
        }
    }
    if (const Tensor *table = floatConstant(graph, node, 0))
        if (node.opType == "Gather" && table->shape().rank() == 2 && node.intAttribute("axis", 0) == 0) {
            describeEmbedding(layer, table->shape());
            return true;
        }
    return false;
}

/// A program that the system ends tells nobody why.
Status requireMemory(const Layer &layer, const ModelGraph &graph) {
    const bool isCopied = layer.transposed || graph.constant(layer.weight)->dtype() != DType::Float32;
    const auto bytes = layer.parameters() * static_cast<std::int64_t>(sizeof(float));
    const auto memory = static_cast<std::int64_t>(machineMemoryBytes());
    if (!isCopied || bytes <= memory / 2)
        return {};
    return fail(
        ErrorCode::OutOfMemory,
        fmt::format("would take {} as float32, more than half of this machine's {}. The distribution of "
                    "its weight and `qscope stats --layer` read it piece by piece",
                    bytesText(bytes), bytesText(memory)),
        layer.name);
}

} // namespace

const char *layerKindName(LayerKind kind) {
    switch (kind) {
    case LayerKind::Linear:
        return "linear";
    case LayerKind::Conv:
        return "conv";
    case LayerKind::Embedding:
        return "embedding";
    }
    return "unknown";
}

std::vector<Layer> findLayers(const ModelGraph &graph) {
    std::vector<Layer> layers;
    std::set<std::string> taken;
    std::map<std::string, int> copies; ///< of a name: the next one is not searched for from the start
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        const Node &node = graph.nodes()[n];
        Layer layer;
        if (!describeLayer(layer, node, graph))
            continue;
        layer.id = static_cast<LayerId>(layers.size());
        layer.node = static_cast<NodeId>(n);
        layer.weight = node.inputs[static_cast<std::size_t>(layer.weightIndex)];
        layer.input = inputOrNone(node, static_cast<std::size_t>(layer.inputIndex));
        layer.output = node.outputs.empty() ? kNoValue : node.outputs[0];
        layer.weightShape = graph.constant(layer.weight)->shape();
        const std::string name = layer.name = pathName(node);
        for (int &copy = copies.try_emplace(name, 1).first->second; !taken.insert(layer.name).second;)
            layer.name = name + "#" + std::to_string(++copy);
        layers.push_back(std::move(layer));
    }
    return layers;
}

Result<Tensor> weightMatrix(const Layer &layer, const ModelGraph &graph) {
    QS_CHECK_OK(requireMemory(layer, graph));
    auto matrix =
        matrixOf({*graph.constant(layer.weight), layer.transposed}, layer.outChannels, layer.inPerOut);
    if (!matrix)
        return fail(std::move(matrix).error().withContext(layer.name));
    const auto difference = weightDifference(layer, graph);
    if (!difference)
        return matrix;
    const auto base = matrixOf(difference->base, layer.outChannels, layer.inPerOut);
    if (!base)
        return fail(Error(base.error()).withContext(layer.name));
    // The bytes of the first may be those of the file.
    Tensor delta = Tensor::allocate(DType::Float32, matrix->shape());
    std::ranges::transform(matrix->values<float>(), base->values<float>(),
                           delta.mutableValues<float>().begin(), std::minus<>());
    return delta;
}

Tensor toStoredLayout(const Layer &layer, const Tensor &matrix) {
    if (!layer.transposed)
        return matrix.reshaped(layer.weightShape);
    Tensor stored = Tensor::allocate(DType::Float32, layer.weightShape);
    transposeInto(matrix.values<float>().data(), stored.mutableValues<float>().data(), layer.outChannels,
                  layer.inPerOut);
    return stored;
}

} // namespace qs
