#pragma once

#include "core/graph/weight_difference.h"

namespace qs {

/// Domain of the nodes that stand for layers of a file that holds weights and no graph. Nothing can run them.
inline constexpr std::string_view kWeightsOnlyDomain = "quantoscope.weights";

/// Whether a graph was made from weights alone.
bool isWeightsOnly(const ModelGraph &graph);
/// What to tell a user who wants such a graph to run.
inline constexpr const char *kNoGraphText =
    "The file holds weights without a graph: they can be explored and quantized, but nothing can be run. "
    "Open the folder with its config.json, or the model as ONNX.";

/// What a tensor of that name is as a layer; nothing when it is none. \see WeightsOnlyBuilder::add
std::optional<LayerKind> weightKind(const std::string &name, const Tensor &tensor);
/// "model.q_proj.weight" → "model.q_proj".
std::string layerNameOf(const std::string &tensor);

/// Makes layers of the matrices of a file without a graph, so that weights can be explored and quantized.
/// What a layer reads and makes are values that nothing connects.
class WeightsOnlyBuilder {
public:
    explicit WeightsOnlyBuilder(std::string modelName);

    /// Adds a tensor. A floating-point matrix, or kernel of a convolution (3 to 5 axes), becomes a layer of
    /// the name without its last part ("q_proj.weight" → "q_proj"); its rows, or its first axis, are output
    /// channels, and a matrix whose name speaks of an embedding is one. Everything else is kept as a
    /// constant. \error CorruptFile  the name is there already
    Status add(const std::string &name, Tensor tensor);
    /// Adds a layer whose weight is tuned − base, subtracted when somebody looks.
    Status addDifference(const std::string &layer, const std::string &tensor, LayerKind kind,
                         const WeightDifference &difference);
    Result<ModelGraph> finish() &&;

private:
    Node layerNode(const std::string &layer, const std::string &tensor, ValueId weight, LayerKind kind);

    GraphBuilder m_builder;
    std::vector<std::string> m_openInputs;
};

/// The layer that such a node stands for. \return false  the node is of another domain
bool describeWeightsOnlyLayer(Layer &layer, const Node &node, const Shape &weight);

} // namespace qs
