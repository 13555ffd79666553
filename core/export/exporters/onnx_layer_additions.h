#pragma once

#include "core/analysis/layer_measure.h"
#include "core/export/exporters/onnx_graph_edit.h"

namespace qs {

/// Adds to the output of a layer's node what a quantized layer adds to it: the product of its low-rank branch
/// with the activation as it is, and the offset of a bias correction. A MatMul gets its branch as two small
/// MatMuls, any other layer as a second node that reads up · down.
/// \param activation  what the node read before its activation was quantized
/// \param node        position of the node in the edited graph
void writeAdditions(const Layer &layer, int node, const std::string &activation,
                    const QuantizedLayer &quantized, OnnxGraphEdit &edit);

/// The offset [outChannels] in the shape that adds it to the layer's output.
Tensor placedOffset(const Layer &layer, std::span<const float> offset);

} // namespace qs
