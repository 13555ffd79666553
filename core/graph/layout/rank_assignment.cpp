#include "core/graph/layout/ranked_graph.h"

#include <algorithm>
#include <map>
#include <queue>

namespace qs {
namespace {

using Pin = LayoutBox::Pin;

std::size_t at(int index) {
    return static_cast<std::size_t>(index);
}

/// Edges by the boxes they touch.
struct Incidence {
    std::vector<std::vector<int>> out, in;

    Incidence(std::size_t boxes, const std::vector<LayoutEdge> &edges) : out(boxes), in(boxes) {
        for (std::size_t e = 0; e < edges.size(); ++e) {
            out[at(edges[e].from)].push_back(static_cast<int>(e));
            in[at(edges[e].to)].push_back(static_cast<int>(e));
        }
    }
};

/// Kahn's algorithm with the lowest number first; where a cycle blocks everything, its lowest box goes on.
/// \return the position of each box
std::vector<int> orderOfBoxes(const Incidence &incidence, const std::vector<LayoutEdge> &edges) {
    const std::size_t count = incidence.out.size();
    std::vector<int> waiting(count), position(count, -1);
    std::priority_queue<int, std::vector<int>, std::greater<>> ready;
    for (std::size_t box = 0; box < count; ++box) {
        waiting[box] = static_cast<int>(incidence.in[box].size());
        if (waiting[box] == 0)
            ready.push(static_cast<int>(box));
    }
    std::size_t lowest = 0;
    for (int next = 0; next < static_cast<int>(count);) {
        if (ready.empty()) {
            while (position[lowest] >= 0)
                ++lowest;
            ready.push(static_cast<int>(lowest));
        }
        const int box = ready.top();
        ready.pop();
        if (position[at(box)] >= 0)
            continue;
        position[at(box)] = next++;
        for (const int edge : incidence.out[at(box)])
            if (const int to = edges[at(edge)].to; --waiting[at(to)] == 0 && position[at(to)] < 0)
                ready.push(to);
    }
    return position;
}

class RankAssignment {
public:
    RankAssignment(const std::vector<LayoutBox> &boxes, std::vector<LayoutEdge> edges)
        : m_boxes(boxes), m_edges(std::move(edges)), m_ranks(boxes.size(), 0), m_upwards(m_edges.size()) {}

    void run() {
        const Incidence given(m_boxes.size(), m_edges);
        const std::vector<int> position = orderOfBoxes(given, m_edges);
        for (std::size_t e = 0; e < m_edges.size(); ++e)
            if (LayoutEdge &edge = m_edges[e]; position[at(edge.from)] > position[at(edge.to)]) {
                std::swap(edge.from, edge.to);
                std::swap(edge.fromOffset, edge.toOffset);
                m_upwards[e] = true;
            }
        std::vector<int> order(m_boxes.size());
        for (std::size_t box = 0; box < order.size(); ++box)
            order[at(position[box])] = static_cast<int>(box);
        const Incidence incidence(m_boxes.size(), m_edges);
        for (const int box : order)
            for (const int edge : incidence.out[at(box)])
                m_ranks[at(m_edges[at(edge)].to)] =
                    std::max(m_ranks[at(m_edges[at(edge)].to)], m_ranks[at(box)] + 1);
        for (auto box = order.rbegin(); box != order.rend(); ++box)
            pullDown(*box, incidence);
        pin();
    }

    const std::vector<LayoutEdge> &edges() const { return m_edges; } ///< all downwards
    const std::vector<int> &ranks() const { return m_ranks; }
    const std::vector<bool> &upwards() const { return m_upwards; }

private:
    /// A box with more edges below than above goes as low as it can: shorter lines in all.
    void pullDown(int box, const Incidence &incidence) {
        const auto &out = incidence.out[at(box)];
        if (out.size() <= incidence.in[at(box)].size())
            return;
        int lowest = m_ranks[at(m_edges[at(out.front())].to)];
        for (const int edge : out)
            lowest = std::min(lowest, m_ranks[at(m_edges[at(edge)].to)]);
        m_ranks[at(box)] = lowest - 1;
    }

    /// Pinned boxes get ranks of their own at the ends; then ranks start at 0.
    void pin() {
        int first = 0, last = 0;
        bool any = false;
        for (std::size_t box = 0; box < m_boxes.size(); ++box) {
            if (m_boxes[box].pin != Pin::None)
                continue;
            first = any ? std::min(first, m_ranks[box]) : m_ranks[box];
            last = any ? std::max(last, m_ranks[box]) : m_ranks[box];
            any = true;
        }
        const auto pinned = [this](Pin pin) {
            return std::any_of(m_boxes.begin(), m_boxes.end(),
                               [pin](const LayoutBox &box) { return box.pin == pin; });
        };
        const int shift = (pinned(Pin::Top) ? 1 : 0) - first;
        for (std::size_t box = 0; box < m_boxes.size(); ++box)
            m_ranks[box] = m_boxes[box].pin == Pin::Top      ? 0
                           : m_boxes[box].pin == Pin::Bottom ? last + shift + 1
                                                             : m_ranks[box] + shift;
    }

    const std::vector<LayoutBox> &m_boxes;
    std::vector<LayoutEdge> m_edges;
    std::vector<int> m_ranks;
    std::vector<bool> m_upwards;
};

/// Adds bends and links. Edges of one bundle share their bends.
class BendMaker {
public:
    BendMaker(RankedGraph &graph, const RankAssignment &ranked) : m_graph(graph), m_ranked(ranked) {}

    /// The bends that are needed when lines over more than `longest` ranks are not routed.
    std::int64_t count(int longest) const {
        std::map<std::pair<int, int>, int> length;
        std::int64_t total = 0;
        for (std::size_t e = 0; e < m_ranked.edges().size(); ++e)
            if (const int s = span(e); s <= longest) {
                int &known = length[bundleOf(e)];
                total += std::max(0, s - 1 - known);
                known = std::max(known, s - 1);
            }
        return total;
    }

    void add(int longest) {
        for (std::size_t e = 0; e < m_ranked.edges().size(); ++e)
            if (span(e) <= longest)
                route(e);
    }

private:
    int span(std::size_t e) const {
        const LayoutEdge &edge = m_ranked.edges()[e];
        return m_ranked.ranks()[at(edge.to)] - m_ranked.ranks()[at(edge.from)];
    }
    /// Upward edges run alone: they share no box with the others of their bundle.
    std::pair<int, int> bundleOf(std::size_t e) const {
        const LayoutEdge &edge = m_ranked.edges()[e];
        return m_ranked.upwards()[e] ? std::pair(-1, static_cast<int>(e)) : std::pair(edge.from, edge.bundle);
    }

    void route(std::size_t e) {
        const LayoutEdge &edge = m_ranked.edges()[e];
        std::vector<int> &route = m_graph.routes[e];
        std::vector<int> &bends = m_bends[bundleOf(e)];
        route.push_back(edge.from);
        for (int step = 0; step + 1 < span(e); ++step) {
            if (static_cast<std::size_t>(step) == bends.size()) {
                const auto bend = static_cast<int>(m_graph.vertices.size());
                const int rank = m_ranked.ranks()[at(edge.from)] + step + 1;
                m_graph.vertices.push_back({-1, rank, 0, 0, 0});
                m_graph.links.push_back({route.back(), bend, step == 0 ? edge.fromOffset : 0, 0});
                bends.push_back(bend);
            }
            route.push_back(bends[at(step)]);
        }
        m_graph.links.push_back(
            {route.back(), edge.to, route.size() == 1 ? edge.fromOffset : 0, edge.toOffset});
        route.push_back(edge.to);
    }

    RankedGraph &m_graph;
    const RankAssignment &m_ranked;
    std::map<std::pair<int, int>, std::vector<int>> m_bends;
};

} // namespace

RankedGraph rankGraph(const std::vector<LayoutBox> &boxes, const std::vector<LayoutEdge> &edges,
                      std::int64_t maxBends) {
    RankAssignment ranked(boxes, edges);
    ranked.run();
    RankedGraph graph;
    graph.routes.resize(edges.size());
    graph.upwards = ranked.upwards();
    int rankCount = 0;
    for (std::size_t box = 0; box < boxes.size(); ++box) {
        graph.vertices.push_back({static_cast<int>(box), ranked.ranks()[box], boxes[box].width, 0, 0});
        rankCount = std::max(rankCount, ranked.ranks()[box] + 1);
    }
    BendMaker bends(graph, ranked);
    int longest = rankCount;
    while (longest > 1 && bends.count(longest) > maxBends)
        longest /= 2;
    bends.add(longest);

    graph.above.resize(graph.vertices.size());
    graph.below.resize(graph.vertices.size());
    for (std::size_t link = 0; link < graph.links.size(); ++link) {
        graph.below[at(graph.links[link].upper)].push_back(static_cast<int>(link));
        graph.above[at(graph.links[link].lower)].push_back(static_cast<int>(link));
    }
    graph.ranks.resize(at(rankCount));
    return graph;
}

} // namespace qs
