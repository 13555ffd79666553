#include "views/graph_map/graph_map_loader.h"

namespace qs::views {

Result<std::shared_ptr<const GraphScene>> loadGraphMap(GraphMapRequest &request, const RunContext &ctx) {
    if (!request.source)
        request.source = makeMapSource(request.sources.model);
    if (request.open.empty())
        request.open = openUpTo(request.source->blocks, kFirstBoxes);
    if (!request.map) {
        QS_TRY(request.map, layoutGraphMap(*request.source, request.open, request.direction, ctx));
    }
    return makeGraphScene(request.source, request.map, request.metric, request.sources);
}

} // namespace qs::views
