#pragma once

#include "core/graph/model_graph.h"

#include <QString>

namespace qs::views {

/// The nodes whose name or operator matches a regular expression anywhere, in topological order; upper and
/// lower case are the same. An empty pattern matches nothing.
struct GraphMatches {
    std::vector<NodeId> nodes;
    QString error; ///< why the pattern is none
};
GraphMatches findNodes(const ModelGraph &graph, const QString &pattern);

} // namespace qs::views
