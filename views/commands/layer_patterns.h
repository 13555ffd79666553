#pragma once

#include "core/graph/model.h"

#include <set>

namespace qs::views {

/// Short patterns of recipe rules that together match exactly these layers: ".*" for all, a common beginning
/// or end where that is exact ("layers\.0\..*", ".*\.q_proj"), else the names themselves, in pieces that
/// recipes allow.
std::vector<std::string> patternsForLayers(const std::set<LayerId> &layers, const Model &model);

} // namespace qs::views
