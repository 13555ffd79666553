#include "core/graph/layout/graph_layout.h"

#include "core/base/check.h"
#include "core/graph/layout/ranked_graph.h"

#include <algorithm>

namespace qs {
namespace {

std::size_t at(int index) {
    return static_cast<std::size_t>(index);
}

struct Band {
    double top = 0, bottom = 0;
};

/// The heights that ranks take, from the top.
std::vector<Band> bandsOf(const RankedGraph &graph, const std::vector<LayoutBox> &boxes, double gap) {
    std::vector<Band> bands;
    double top = 0;
    for (const auto &rank : graph.ranks) {
        double height = 0;
        for (const int vertex : rank)
            if (const int box = graph.vertices[at(vertex)].box; box >= 0)
                height = std::max(height, boxes[at(box)].height);
        bands.push_back({top, top + height});
        top += height + gap;
    }
    return bands;
}

/// Moves everything so that the leftmost side is at 0, and returns the width.
double moveToOrigin(RankedGraph &graph) {
    double left = 0, right = 0;
    for (std::size_t i = 0; i < graph.vertices.size(); ++i) {
        const RankedGraph::Vertex &vertex = graph.vertices[i];
        left = i == 0 ? vertex.x - vertex.width / 2 : std::min(left, vertex.x - vertex.width / 2);
        right = i == 0 ? vertex.x + vertex.width / 2 : std::max(right, vertex.x + vertex.width / 2);
    }
    for (RankedGraph::Vertex &vertex : graph.vertices)
        vertex.x -= left;
    return right - left;
}

void addPoint(std::vector<LayoutPoint> &points, LayoutPoint point) {
    if (points.empty() || !(points.back() == point))
        points.push_back(point);
}

class PathMaker {
public:
    PathMaker(const RankedGraph &graph, const std::vector<LayoutBox> &boxes, const std::vector<Band> &bands,
              const GraphLayout &layout)
        : m_graph(graph), m_boxes(boxes), m_bands(bands), m_layout(layout) {}

    GraphLayout::Path path(const LayoutEdge &edge, std::size_t index) const {
        GraphLayout::Path path;
        path.upwards = m_graph.upwards[index];
        const auto &route = m_graph.routes[index];
        path.straight = route.empty();
        const int upper = path.upwards ? edge.to : edge.from, lower = path.upwards ? edge.from : edge.to;
        const double upperX =
            m_layout.centers[at(upper)].x + (path.upwards ? edge.toOffset : edge.fromOffset);
        const double lowerX =
            m_layout.centers[at(lower)].x + (path.upwards ? edge.fromOffset : edge.toOffset);
        addPoint(path.points, {upperX, m_layout.centers[at(upper)].y + m_boxes[at(upper)].height / 2});
        addPoint(path.points, {upperX, m_bands[at(m_layout.ranks[at(upper)])].bottom});
        for (std::size_t i = 1; i + 1 < route.size(); ++i) {
            const RankedGraph::Vertex &bend = m_graph.vertices[at(route[i])];
            addPoint(path.points, {bend.x, m_bands[at(bend.rank)].top});
            addPoint(path.points, {bend.x, m_bands[at(bend.rank)].bottom});
        }
        addPoint(path.points, {lowerX, m_bands[at(m_layout.ranks[at(lower)])].top});
        addPoint(path.points, {lowerX, m_layout.centers[at(lower)].y - m_boxes[at(lower)].height / 2});
        if (path.upwards)
            std::reverse(path.points.begin(), path.points.end());
        return path;
    }

private:
    const RankedGraph &m_graph;
    const std::vector<LayoutBox> &m_boxes;
    const std::vector<Band> &m_bands;
    const GraphLayout &m_layout;
};

} // namespace

Result<GraphLayout> layoutGraph(const std::vector<LayoutBox> &boxes, const std::vector<LayoutEdge> &edges,
                                const LayoutOptions &options, const RunContext &ctx) {
    for (const LayoutEdge &edge : edges)
        QS_CHECK(edge.from != edge.to, "an edge joins two boxes");
    GraphLayout layout;
    if (boxes.empty())
        return layout;
    RankedGraph graph = rankGraph(boxes, edges, options.maxBends);
    QS_TRY(layout.crossings, orderRanks(graph, options.sweeps, ctx));
    QS_CHECK_OK(placeVertices(graph, options, ctx));

    layout.width = moveToOrigin(graph);
    const std::vector<Band> bands = bandsOf(graph, boxes, options.rankGap);
    layout.height = bands.back().bottom;
    for (std::size_t box = 0; box < boxes.size(); ++box) {
        const RankedGraph::Vertex &vertex = graph.vertices[box];
        const Band &band = bands[at(vertex.rank)];
        layout.ranks.push_back(vertex.rank);
        layout.centers.push_back({vertex.x, (band.top + band.bottom) / 2});
    }
    const PathMaker paths(graph, boxes, bands, layout);
    for (std::size_t e = 0; e < edges.size(); ++e)
        layout.paths.push_back(paths.path(edges[e], e));
    return layout;
}

} // namespace qs
