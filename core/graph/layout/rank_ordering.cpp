#include "core/graph/layout/ranked_graph.h"

#include <algorithm>

namespace qs {
namespace {

std::size_t at(int index) {
    return static_cast<std::size_t>(index);
}

/// Where a link's end is in its rank: the place of the vertex, and within a wide one the offset.
double endPlace(const RankedGraph::Vertex &vertex, double offset) {
    return vertex.place + (vertex.width > 0 ? 0.8 * offset / vertex.width : 0);
}

/// Depth first from the top, so that what belongs together starts out together.
void makeFirstOrder(RankedGraph &graph) {
    std::vector<bool> seen(graph.vertices.size(), false);
    std::vector<int> stack;
    const auto visitFrom = [&](int start) {
        stack.push_back(start);
        while (!stack.empty()) {
            const int vertex = stack.back();
            stack.pop_back();
            if (seen[at(vertex)])
                continue;
            seen[at(vertex)] = true;
            graph.ranks[at(graph.vertices[at(vertex)].rank)].push_back(vertex);
            const auto &below = graph.below[at(vertex)];
            for (auto link = below.rbegin(); link != below.rend(); ++link)
                stack.push_back(graph.links[at(*link)].lower);
        }
    };
    for (std::size_t vertex = 0; vertex < graph.vertices.size(); ++vertex)
        if (graph.above[vertex].empty())
            visitFrom(static_cast<int>(vertex));
}

void notePlaces(RankedGraph &graph, const std::vector<int> &rank) {
    for (std::size_t place = 0; place < rank.size(); ++place)
        graph.vertices[at(rank[place])].place = static_cast<int>(place);
}

/// Sorts a rank by the mean place of the neighbours on one side; vertices without any stay where they are.
void sortRank(RankedGraph &graph, std::vector<int> &rank, bool byAbove) {
    std::vector<std::pair<double, int>> keys;
    keys.reserve(rank.size());
    for (const int vertex : rank) {
        const auto &links = byAbove ? graph.above[at(vertex)] : graph.below[at(vertex)];
        double sum = 0;
        for (const int index : links) {
            const RankedGraph::Link &link = graph.links[at(index)];
            sum += byAbove ? endPlace(graph.vertices[at(link.upper)], link.upperOffset) -
                                 (endPlace(graph.vertices[at(vertex)], link.lowerOffset) -
                                  graph.vertices[at(vertex)].place)
                           : endPlace(graph.vertices[at(link.lower)], link.lowerOffset) -
                                 (endPlace(graph.vertices[at(vertex)], link.upperOffset) -
                                  graph.vertices[at(vertex)].place);
        }
        keys.emplace_back(links.empty() ? graph.vertices[at(vertex)].place
                                        : sum / static_cast<double>(links.size()),
                          vertex);
    }
    std::stable_sort(keys.begin(), keys.end(),
                     [](const auto &a, const auto &b) { return a.first < b.first; });
    for (std::size_t i = 0; i < rank.size(); ++i)
        rank[i] = keys[i].second;
    notePlaces(graph, rank);
}

/// Counts in a Fenwick tree how many lower ends lie right of each one when links come sorted by upper end.
std::int64_t countBetween(const RankedGraph &graph, const std::vector<int> &upperRank) {
    std::vector<std::pair<double, double>> ends;
    for (const int vertex : upperRank)
        for (const int index : graph.below[at(vertex)]) {
            const RankedGraph::Link &link = graph.links[at(index)];
            ends.emplace_back(endPlace(graph.vertices[at(vertex)], link.upperOffset),
                              endPlace(graph.vertices[at(link.lower)], link.lowerOffset));
        }
    std::sort(ends.begin(), ends.end());
    std::vector<double> lower;
    for (const auto &end : ends)
        lower.push_back(end.second);
    std::sort(lower.begin(), lower.end());
    lower.erase(std::unique(lower.begin(), lower.end()), lower.end());

    std::vector<std::int64_t> tree(lower.size() + 1, 0);
    std::int64_t crossings = 0, counted = 0;
    for (const auto &end : ends) {
        const auto place = static_cast<std::size_t>(std::lower_bound(lower.begin(), lower.end(), end.second) -
                                                    lower.begin() + 1);
        std::int64_t notRight = 0;
        for (std::size_t i = place; i > 0; i -= i & (~i + 1))
            notRight += tree[i];
        crossings += counted - notRight;
        ++counted;
        for (std::size_t i = place; i < tree.size(); i += i & (~i + 1))
            ++tree[i];
    }
    return crossings;
}

} // namespace

std::int64_t countCrossings(const RankedGraph &graph) {
    std::int64_t crossings = 0;
    for (const auto &rank : graph.ranks)
        crossings += countBetween(graph, rank);
    return crossings;
}

Result<std::int64_t> orderRanks(RankedGraph &graph, int sweeps, const RunContext &ctx) {
    constexpr int kPatience = 4; // sweeps without progress
    makeFirstOrder(graph);
    for (const auto &rank : graph.ranks)
        notePlaces(graph, rank);
    std::vector<std::vector<int>> best = graph.ranks;
    std::int64_t fewest = countCrossings(graph);
    for (int sweep = 0, idle = 0; sweep < sweeps && idle < kPatience && fewest > 0; ++sweep, ++idle) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        for (std::size_t rank = 1; rank < graph.ranks.size(); ++rank)
            sortRank(graph, graph.ranks[rank], true);
        for (std::size_t rank = graph.ranks.size() - 1; rank-- > 0;)
            sortRank(graph, graph.ranks[rank], false);
        if (const std::int64_t crossings = countCrossings(graph); crossings < fewest) {
            fewest = crossings;
            best = graph.ranks;
            idle = -1;
        }
    }
    graph.ranks = std::move(best);
    for (const auto &rank : graph.ranks)
        notePlaces(graph, rank);
    return fewest;
}

} // namespace qs
