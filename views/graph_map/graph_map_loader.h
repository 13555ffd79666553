#pragma once

#include "core/figure/graph_scene.h"

namespace qs::views {

/// What the graph map shows, and what is known of it already.
struct GraphMapRequest {
    NodeMetricSources sources; ///< its model is the one to show
    NodeMetric metric = NodeMetric::None;
    std::vector<bool> open; ///< by block; empty: as many as can be taken in at first sight
    std::shared_ptr<const GraphMapSource> source; ///< of the model; null: to be made
    std::shared_ptr<const GraphMap> map;          ///< with these blocks open; null: to be laid out
    MapDirection direction = MapDirection::Down;
    BlockId anchor = kWholeGraph; ///< the block that was opened or closed
};

/// The boxes that are seen at first.
inline constexpr int kFirstBoxes = 60;

/// \thread worker \error Cancelled
Result<std::shared_ptr<const GraphScene>> loadGraphMap(GraphMapRequest &request, const RunContext &ctx);

} // namespace qs::views
