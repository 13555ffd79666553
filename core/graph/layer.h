#pragma once

#include "core/graph/model_graph.h"

#include <optional>

namespace qs {

using LayerId = std::int32_t; ///< index into the layer list of a model
inline constexpr LayerId kNoLayer = -1;

enum class LayerKind { Linear, Conv, Embedding };
const char *layerKindName(LayerKind kind);

/// A quantizable unit: one node that reads a constant weight.
///
/// Methods see every weight as the matrix [outChannels, inPerOut] (row-major): Conv [O, I/groups·kH·kW];
/// a MatMul weight stored as [in, out] is transposed for them (`transposed`); embeddings [vocabulary, width].
struct Layer {
    LayerId id = kNoLayer;
    std::string name; ///< unique, from the node: "layers.0.self_attn.q_proj"
    LayerKind kind = LayerKind::Linear;
    NodeId node = kNoNode;
    ValueId weight = kNoValue;
    ValueId input = kNoValue;  ///< the activation that is multiplied; for embeddings the indices
    ValueId output = kNoValue; ///< of the node
    ValueId bias = kNoValue;
    int inputIndex = 0;  ///< which input of the node the activation is
    int weightIndex = 1; ///< which input of the node the weight is
    int biasIndex = -1;
    Shape weightShape; ///< as stored
    bool transposed = false;
    std::int64_t outChannels = 0;
    std::int64_t inPerOut = 0; ///< inputs that one output reads: the columns of the matrix
    std::int64_t groups = 1;   ///< convolution groups; group k owns outChannels/groups consecutive rows
    int outChannelAxis = 0;    ///< axis of the stored weight that counts output channels

    std::int64_t parameters() const { return outChannels * inPerOut; }
};

/// All quantizable layers of a graph, in topological order. A weight that several nodes share appears once
/// per node. Layers are Conv, ConvTranspose excluded; MatMul and Gemm with a constant floating-point matrix;
/// Gather on a constant floating-point table.
std::vector<Layer> findLayers(const ModelGraph &graph);

/// The layer's weight as float32 [outChannels, inPerOut].
/// \error Unsupported  element type that has no float value
Result<Tensor> weightMatrix(const Layer &layer, const ModelGraph &graph);

/// A [outChannels, inPerOut] float32 matrix back in the stored layout and shape of the layer's weight.
Tensor toStoredLayout(const Layer &layer, const Tensor &matrix);

} // namespace qs
