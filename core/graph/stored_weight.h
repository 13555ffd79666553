#pragma once

#include "core/graph/layer.h"

namespace qs {

/// Attribute of a node whose weight the graph holds decoded: the tensor as the model file stores it. In a
/// block format of ggml it is [outChannels, inPerOut]; codes of other formats lie as their operator wants
/// them.
inline constexpr const char *kStoredWeight = "stored_weight";

/// The weight of a layer as the model file stores it: that attribute, else the constant.
const Tensor &storedWeight(const Layer &layer, const ModelGraph &graph);

} // namespace qs
