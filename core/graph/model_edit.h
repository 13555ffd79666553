#pragma once

#include "core/graph/graph_edit.h"
#include "core/graph/model.h"

namespace qs {

/// The model with the changes made: the same layers with the same ids; operators that are new are no layers.
/// \error as applyEdit of the graph; CorruptFile  a layer is gone, or has a weight of another kind or size
Result<std::shared_ptr<const Model>> applyEdit(const Model &model, const GraphEdit &edit);

} // namespace qs
