#include "views/graph_map/graph_search.h"

#include <QRegularExpression>

namespace qs::views {

GraphMatches findNodes(const ModelGraph &graph, const QString &pattern) {
    GraphMatches matches;
    if (pattern.isEmpty())
        return matches;
    const QRegularExpression regex(pattern, QRegularExpression::CaseInsensitiveOption);
    if (!regex.isValid()) {
        matches.error =
            QCoreApplication::translate("GraphSearch", "Not a regular expression: %1, at character %2")
                .arg(regex.errorString())
                .arg(regex.patternErrorOffset() + 1);
        return matches;
    }
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        const Node &node = graph.nodes()[n];
        if (regex.match(QString::fromStdString(node.name)).hasMatch() ||
            regex.match(QString::fromStdString(node.opType)).hasMatch())
            matches.nodes.push_back(static_cast<NodeId>(n));
    }
    return matches;
}

} // namespace qs::views
