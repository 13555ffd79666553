#pragma once

#include "core/graph/layer.h"

namespace qs {

/// Domain of the nodes that stand for layers of a file that holds weights and no graph. Nothing can run them.
inline constexpr std::string_view kWeightsOnlyDomain = "quantoscope.weights";

/// Whether a graph was made from weights alone.
bool isWeightsOnly(const ModelGraph &graph);
/// What to tell a user who wants such a graph to run.
inline constexpr const char *kNoGraphText =
    "The file holds weights without a graph: they can be explored and quantized, but nothing that runs the "
    "model "
    "can. Open the folder with its config.json, or the model as ONNX.";

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
    Result<ModelGraph> finish() &&;

private:
    GraphBuilder m_builder;
    std::vector<std::string> m_openInputs;
};

/// The layer that such a node stands for. \return false  the node is of another domain
bool describeWeightsOnlyLayer(Layer &layer, const Node &node, const Shape &weight);

} // namespace qs
