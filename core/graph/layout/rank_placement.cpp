#include "core/graph/layout/ranked_graph.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

namespace qs {
namespace {

std::size_t at(int index) {
    return static_cast<std::size_t>(index);
}

/// The graph upside down: what was below is above.
RankedGraph flipped(RankedGraph graph) {
    std::reverse(graph.ranks.begin(), graph.ranks.end());
    std::swap(graph.above, graph.below);
    for (RankedGraph::Link &link : graph.links) {
        std::swap(link.upper, link.lower);
        std::swap(link.upperOffset, link.lowerOffset);
    }
    return graph;
}

/// The graph seen in a mirror: what was left is right.
RankedGraph mirrored(RankedGraph graph) {
    for (auto &rank : graph.ranks) {
        std::reverse(rank.begin(), rank.end());
        for (std::size_t place = 0; place < rank.size(); ++place)
            graph.vertices[at(rank[place])].place = static_cast<int>(place);
    }
    for (RankedGraph::Link &link : graph.links) {
        link.upperOffset = -link.upperOffset;
        link.lowerOffset = -link.lowerOffset;
    }
    return graph;
}

/// Columns of vertices that get the same x, as seen from the upper left: each vertex joins the middle one of
/// its neighbours above when that one is free and no straight line is crossed.
class Columns {
public:
    explicit Columns(const RankedGraph &graph)
        : m_graph(graph), m_mayJoin(graph.links.size(), true), m_root(graph.vertices.size()),
          m_shift(graph.vertices.size(), 0) {
        std::iota(m_root.begin(), m_root.end(), 0);
        preferLongLines();
        for (std::size_t rank = 1; rank < graph.ranks.size(); ++rank) {
            keepLongLinesUncrossed(graph.ranks[rank], static_cast<int>(graph.ranks[rank - 1].size()) - 1);
            joinRank(graph.ranks[rank]);
        }
    }

    /// As far left as the gaps allow, then right again as far as nothing is in the way.
    std::vector<double> positions(const LayoutOptions &options) const {
        struct Gap {
            int left, right; ///< roots
            double width;
        };
        std::vector<Gap> gaps;
        for (const auto &rank : m_graph.ranks)
            for (std::size_t i = 1; i < rank.size(); ++i)
                gaps.push_back({m_root[at(rank[i - 1])], m_root[at(rank[i])],
                                m_shift[at(rank[i - 1])] + distance(rank[i - 1], rank[i], options) -
                                    m_shift[at(rank[i])]});
        std::vector<std::vector<int>> rightOf(m_root.size());
        std::vector<int> waiting(m_root.size(), 0), order;
        for (std::size_t gap = 0; gap < gaps.size(); ++gap) {
            rightOf[at(gaps[gap].left)].push_back(static_cast<int>(gap));
            ++waiting[at(gaps[gap].right)];
        }
        for (std::size_t vertex = 0; vertex < m_root.size(); ++vertex)
            if (m_root[vertex] == static_cast<int>(vertex) && waiting[vertex] == 0)
                order.push_back(static_cast<int>(vertex));
        std::vector<double> x(m_root.size(), 0);
        for (std::size_t i = 0; i < order.size(); ++i)
            for (const int index : rightOf[at(order[i])]) {
                const Gap &gap = gaps[at(index)];
                x[at(gap.right)] = std::max(x[at(gap.right)], x[at(gap.left)] + gap.width);
                if (--waiting[at(gap.right)] == 0)
                    order.push_back(gap.right);
            }
        for (auto root = order.rbegin(); root != order.rend(); ++root) {
            double room = std::numeric_limits<double>::infinity();
            for (const int index : rightOf[at(*root)])
                room = std::min(room, x[at(gaps[at(index)].right)] - gaps[at(index)].width);
            if (room < std::numeric_limits<double>::infinity())
                x[at(*root)] = std::max(x[at(*root)], room);
        }
        std::vector<double> positions(m_root.size());
        for (std::size_t vertex = 0; vertex < m_root.size(); ++vertex)
            positions[vertex] = x[at(m_root[vertex])] + m_shift[vertex];
        return positions;
    }

private:
    int bendsOf(const RankedGraph::Link &link) const {
        return (m_graph.isBend(link.upper) ? 1 : 0) + (m_graph.isBend(link.lower) ? 1 : 0);
    }
    /// Links between two bends make up a long line.
    bool isInner(const RankedGraph::Link &link) const { return bendsOf(link) == 2; }

    double distance(int left, int right, const LayoutOptions &options) const {
        const bool line = m_graph.isBend(left) || m_graph.isBend(right);
        return (m_graph.vertices[at(left)].width + m_graph.vertices[at(right)].width) / 2 +
               (line ? options.lineGap : options.boxGap);
    }

    /// Where a long line starts or ends, it goes on straight and the other links step aside: a residual
    /// connection becomes the trunk from which branches leave.
    void preferLongLines() {
        std::vector<int> above(m_graph.vertices.size(), -1),
            below = above; // bends of the links that may join
        for (int bends = 2; bends >= 0; --bends) {
            const auto mayTouch = [bends](int known) { return known < 0 || known == bends; };
            for (std::size_t i = 0; i < m_graph.links.size(); ++i) {
                const RankedGraph::Link &link = m_graph.links[i];
                if (bendsOf(link) != bends)
                    continue;
                m_mayJoin[i] = mayTouch(below[at(link.upper)]) && mayTouch(above[at(link.lower)]);
                if (m_mayJoin[i])
                    below[at(link.upper)] = above[at(link.lower)] = bends;
            }
        }
    }

    /// Links that cross a line between two bends do not join their ends.
    void keepLongLinesUncrossed(const std::vector<int> &rank, int lastAbove) {
        int from = 0;
        std::size_t next = 0;
        for (std::size_t i = 0; i < rank.size(); ++i) {
            int innerPlace = -1;
            for (const int link : m_graph.above[at(rank[i])])
                if (isInner(m_graph.links[at(link)]))
                    innerPlace = m_graph.vertices[at(m_graph.links[at(link)].upper)].place;
            if (innerPlace < 0 && i + 1 < rank.size())
                continue;
            const int to = innerPlace < 0 ? lastAbove : innerPlace;
            for (; next <= i; ++next)
                for (const int link : m_graph.above[at(rank[next])]) {
                    const int place = m_graph.vertices[at(m_graph.links[at(link)].upper)].place;
                    if ((place < from || place > to) && !isInner(m_graph.links[at(link)]))
                        m_mayJoin[at(link)] = false;
                }
            from = to;
        }
    }

    void joinRank(const std::vector<int> &rank) {
        int taken = -1; // place of the last neighbour above that was joined
        for (const int vertex : rank) {
            std::vector<int> links = m_graph.above[at(vertex)];
            std::erase_if(links, [this](int link) { return !m_mayJoin[at(link)]; });
            std::stable_sort(links.begin(), links.end(), [this](int a, int b) {
                return m_graph.vertices[at(m_graph.links[at(a)].upper)].place <
                       m_graph.vertices[at(m_graph.links[at(b)].upper)].place;
            });
            if (links.empty())
                continue;
            for (const std::size_t middle : {(links.size() - 1) / 2, links.size() / 2}) {
                const RankedGraph::Link &link = m_graph.links[at(links[middle])];
                const int place = m_graph.vertices[at(link.upper)].place;
                if (place <= taken)
                    continue;
                m_root[at(vertex)] = m_root[at(link.upper)];
                m_shift[at(vertex)] = m_shift[at(link.upper)] + link.upperOffset - link.lowerOffset;
                taken = place;
                break;
            }
        }
    }

    const RankedGraph &m_graph;
    std::vector<bool> m_mayJoin; ///< by link
    std::vector<int> m_root;     ///< by vertex: the uppermost of its column
    std::vector<double> m_shift; ///< by vertex: from its root's x, where links end off the middle
};

/// Moves a candidate so that it shares the left or right side of the narrowest one.
void alignSides(std::array<std::vector<double>, 4> &candidates) {
    std::size_t narrowest = 0;
    std::array<std::pair<double, double>, 4> sides;
    for (std::size_t i = 0; i < 4; ++i) {
        const auto [lo, hi] = std::minmax_element(candidates[i].begin(), candidates[i].end());
        sides[i] = {*lo, *hi};
        if (*hi - *lo < sides[narrowest].second - sides[narrowest].first)
            narrowest = i;
    }
    for (std::size_t i = 0; i < 4; ++i) {
        const bool packedLeft = i % 2 == 0;
        const double shift =
            packedLeft ? sides[narrowest].first - sides[i].first : sides[narrowest].second - sides[i].second;
        for (double &x : candidates[i])
            x += shift;
    }
}

} // namespace

Status placeVertices(RankedGraph &graph, const LayoutOptions &options, const RunContext &ctx) {
    std::array<std::vector<double>, 4> candidates;
    for (std::size_t i = 0; i < 4; ++i) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        RankedGraph seen = i < 2 ? graph : flipped(graph);
        if (i % 2 == 1)
            seen = mirrored(std::move(seen));
        candidates[i] = Columns(seen).positions(options);
        if (i % 2 == 1)
            for (double &x : candidates[i])
                x = -x;
    }
    alignSides(candidates);
    for (std::size_t vertex = 0; vertex < graph.vertices.size(); ++vertex) {
        std::array<double, 4> x;
        for (std::size_t i = 0; i < 4; ++i)
            x[i] = candidates[i][vertex];
        std::sort(x.begin(), x.end());
        graph.vertices[vertex].x = (x[1] + x[2]) / 2;
    }
    return {};
}

} // namespace qs
