#pragma once

#include "core/graph/layer.h"

namespace qs {

/// Attribute of a node whose weight the graph holds decoded: the tensor [outChannels, inPerOut] as the model
/// file stores it, in its block format.
inline constexpr const char *kStoredWeight = "stored_weight";

/// The weight of a layer as the model file stores it: that attribute, else the constant.
const Tensor &storedWeight(const Layer &layer, const ModelGraph &graph);

} // namespace qs
