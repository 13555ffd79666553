#pragma once

#include "core/graph/layer.h"

#include <set>

namespace qs::views {

/// What the user looks at: one value shared by all views. `layer` is the current one, `layers` all that are
/// marked (they contain the current one); channel (of the activation that enters the layer), token (position
/// in a sample), attention head and output (row of the weight matrix) are -1 when none is picked.
struct Selection {
    LayerId layer = kNoLayer;
    std::set<LayerId> layers;
    std::int64_t channel = -1;
    std::int64_t token = -1;
    std::int64_t head = -1;
    std::int64_t output = -1;

    bool operator==(const Selection &) const = default;
    static Selection ofLayer(LayerId layer) { return {layer, {layer}, -1, -1, -1, -1}; }
};

} // namespace qs::views
