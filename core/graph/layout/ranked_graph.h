#pragma once

#include "core/graph/layout/graph_layout.h"

namespace qs {

/// A graph in which every link joins neighbouring ranks: boxes, and bends where lines pass a rank. What the
/// steps of layoutGraph() hand on.
struct RankedGraph {
    struct Vertex {
        int box = -1; ///< -1 for a bend
        int rank = 0;
        double width = 0;
        double x = 0;  ///< of the middle
        int place = 0; ///< in its rank, from the left
    };
    struct Link {
        int upper = 0, lower = 0;                ///< vertices
        double upperOffset = 0, lowerOffset = 0; ///< of the ends from the vertices' middles
    };
    std::vector<Vertex> vertices; ///< boxes first, in their order
    std::vector<Link> links;
    std::vector<std::vector<int>> above, below; ///< by vertex: its links
    std::vector<std::vector<int>> ranks;        ///< by rank: vertices from left to right

    /// By edge: the vertices from its upper to its lower box; empty when the edge is not routed.
    std::vector<std::vector<int>> routes;
    std::vector<bool> upwards; ///< by edge

    bool isBend(int vertex) const { return vertices[static_cast<std::size_t>(vertex)].box < 0; }
};

/// Assigns ranks, breaks cycles, adds bends.
RankedGraph rankGraph(const std::vector<LayoutBox> &boxes, const std::vector<LayoutEdge> &edges,
                      std::int64_t maxBends);

/// Orders the vertices of each rank so that few links cross. \return the crossings that are left
/// \error Cancelled
Result<std::int64_t> orderRanks(RankedGraph &graph, int sweeps, const RunContext &ctx);
/// Crossings between links of neighbouring ranks under the present order.
std::int64_t countCrossings(const RankedGraph &graph);

/// Sets Vertex::x: near the neighbours, in order, never closer than the gaps. \error Cancelled
Status placeVertices(RankedGraph &graph, const LayoutOptions &options, const RunContext &ctx);

} // namespace qs
