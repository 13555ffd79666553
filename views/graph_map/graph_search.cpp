#include "views/graph_map/graph_search.h"

#include "views/shared/find_expression.h"

namespace qs::views {

GraphMatches findNodes(const ModelGraph &graph, const QString &pattern) {
    GraphMatches matches;
    if (pattern.isEmpty())
        return matches;
    const auto &[regex, error] = findExpression(pattern);
    matches.error = error;
    if (!error.isEmpty())
        return matches;
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        const Node &node = graph.nodes()[n];
        if (regex.match(QString::fromStdString(node.name)).hasMatch() ||
            regex.match(QString::fromStdString(node.opType)).hasMatch())
            matches.nodes.push_back(static_cast<NodeId>(n));
    }
    return matches;
}

} // namespace qs::views
