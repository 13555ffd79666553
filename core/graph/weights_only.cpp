#include "core/graph/weights_only.h"

#include <algorithm>
#include <array>
#include <optional>

namespace qs {
namespace {

constexpr const char *kOpType = "Layer";
constexpr const char *kKind = "kind";

/// What people call tables whose rows are looked up; a file without a graph tells by names alone.
bool namesEmbedding(std::string_view name) {
    constexpr std::array kWords{"embed", "embd", "wte", "wpe"};
    return std::any_of(kWords.begin(), kWords.end(),
                       [&](const char *word) { return name.find(word) != std::string_view::npos; });
}

} // namespace

std::string layerNameOf(const std::string &tensor) {
    for (const std::string_view ending : {".weight", "/kernel", ".kernel"})
        if (tensor.size() > ending.size() && tensor.ends_with(ending))
            return tensor.substr(0, tensor.size() - ending.size());
    return tensor;
}

std::optional<LayerKind> weightKind(const std::string &name, const Tensor &tensor) {
    const int rank = tensor.shape().rank();
    if (!isFloatingPoint(tensor.dtype()) || tensor.numel() == 0 || rank < 2 || rank > 5)
        return std::nullopt;
    if (rank > 2) // [1, tokens, width] is a table of positions or a token, no kernel
        return tensor.shape()[0] > 1 ? std::optional(LayerKind::Conv) : std::nullopt;
    return namesEmbedding(name) ? LayerKind::Embedding : LayerKind::Linear;
}

bool isWeightsOnly(const ModelGraph &graph) {
    return graph.opset(std::string(kWeightsOnlyDomain)) > 0; // also where nothing in the file is a matrix
}

WeightsOnlyBuilder::WeightsOnlyBuilder(std::string modelName) {
    m_builder.setName(std::move(modelName));
    m_builder.setOpset(std::string(kWeightsOnlyDomain), 1);
}

Status WeightsOnlyBuilder::add(const std::string &name, Tensor tensor) {
    const auto kind = weightKind(name, tensor);
    const ValueId weight = m_builder.value(name);
    QS_CHECK_OK(m_builder.addConstant(weight, std::move(tensor)));
    if (!kind)
        return {};
    return m_builder.addNode(layerNode(layerNameOf(name), name, weight, *kind));
}

Node WeightsOnlyBuilder::layerNode(const std::string &layer, const std::string &tensor, ValueId weight,
                                   LayerKind kind) {
    Node node;
    node.name = layer;
    node.opType = kOpType;
    node.domain = kWeightsOnlyDomain;
    m_openInputs.push_back(tensor + " input");
    node.inputs = {m_builder.value(m_openInputs.back()), weight};
    node.outputs = {m_builder.value(tensor + " output")};
    node.attributes[kKind] = static_cast<std::int64_t>(kind);
    return node;
}

Status WeightsOnlyBuilder::addDifference(const std::string &layer, const std::string &tensor, LayerKind kind,
                                         const WeightDifference &difference) {
    const ValueId weight = m_builder.value(tensor);
    QS_CHECK_OK(m_builder.addConstant(weight, difference.tuned.tensor));
    Node node = layerNode(layer, tensor, weight, kind);
    describeDifference(node, difference);
    return m_builder.addNode(std::move(node));
}

Result<ModelGraph> WeightsOnlyBuilder::finish() && {
    return std::move(m_builder).finish(m_openInputs);
}

bool describeWeightsOnlyLayer(Layer &layer, const Node &node, const Shape &weight) {
    const std::int64_t kind = node.intAttribute(kKind, -1);
    const bool known = kind >= 0 && kind <= static_cast<std::int64_t>(LayerKind::Embedding);
    if (node.domain != kWeightsOnlyDomain || !known || weight.rank() < 2 || node.inputs[0] == kNoValue)
        return false;
    layer.kind = static_cast<LayerKind>(kind);
    layer.transposed = isStoredTransposed(node) && weight.rank() == 2;
    layer.outChannelAxis = layer.transposed ? 1 : 0;
    layer.outChannels = weight[layer.outChannelAxis];
    layer.inPerOut = layer.transposed ? weight[0] : weight.numelBetween(1, weight.rank());
    return true;
}

} // namespace qs
