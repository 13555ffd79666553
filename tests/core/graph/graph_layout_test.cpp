#include "core/graph/layout/graph_layout.h"

#include "core/base/random.h"
#include "core/graph/layout/ranked_graph.h"

namespace qs {
namespace {

using Edges = std::vector<LayoutEdge>;

struct RandomGraph {
    std::vector<LayoutBox> boxes;
    Edges edges;
};

/// A graph without cycles and with some long edges.
RandomGraph randomGraph(std::uint64_t seed, int count) {
    Random random(seed);
    const auto below = [&random](int n) { return static_cast<int>(random.uniform() * n); };
    RandomGraph graph;
    for (int i = 0; i < count; ++i) {
        graph.boxes.push_back({40.0 + below(120), 20.0 + below(60), LayoutBox::Pin::None});
        for (int e = below(3); i > 0 && e > 0; --e)
            graph.edges.push_back({std::max(0, i - 1 - below(e == 1 ? 6 : 60)), i, 0, 0, below(2)});
    }
    return graph;
}

GraphLayout layout(const std::vector<LayoutBox> &boxes, const Edges &edges,
                   const LayoutOptions &options = {}) {
    auto result = layoutGraph(boxes, edges, options, {});
    EXPECT_TRUE(result);
    return *result;
}

bool overlap(const LayoutBox &a, LayoutPoint atA, const LayoutBox &b, LayoutPoint atB) {
    constexpr double kSlack = 1e-6;
    return std::abs(atA.x - atB.x) < (a.width + b.width) / 2 - kSlack &&
           std::abs(atA.y - atB.y) < (a.height + b.height) / 2 - kSlack;
}

TEST(LayoutGraph, BoxesNeverOverlapAndEdgesGoDown) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        const RandomGraph graph = randomGraph(seed, 150);
        const GraphLayout drawn = layout(graph.boxes, graph.edges);
        for (std::size_t a = 0; a < graph.boxes.size(); ++a) {
            EXPECT_GE(drawn.centers[a].x - graph.boxes[a].width / 2, -1e-6);
            EXPECT_LE(drawn.centers[a].x + graph.boxes[a].width / 2, drawn.width + 1e-6);
            for (std::size_t b = 0; b < a; ++b)
                EXPECT_FALSE(overlap(graph.boxes[a], drawn.centers[a], graph.boxes[b], drawn.centers[b]))
                    << seed << ": " << a << ", " << b;
        }
        for (std::size_t e = 0; e < graph.edges.size(); ++e) {
            const auto from = static_cast<std::size_t>(graph.edges[e].from),
                       to = static_cast<std::size_t>(graph.edges[e].to);
            EXPECT_LT(drawn.ranks[from], drawn.ranks[to]);
            EXPECT_FALSE(drawn.paths[e].upwards);
            const auto &points = drawn.paths[e].points;
            EXPECT_NEAR(points.front().y, drawn.centers[from].y + graph.boxes[from].height / 2, 1e-9);
            EXPECT_NEAR(points.back().y, drawn.centers[to].y - graph.boxes[to].height / 2, 1e-9);
            for (std::size_t i = 1; i < points.size(); ++i)
                EXPECT_GE(points[i].y, points[i - 1].y);
        }
    }
}

TEST(LayoutGraph, LinesPassBesideBoxes) {
    const RandomGraph graph = randomGraph(5, 120);
    const GraphLayout drawn = layout(graph.boxes, graph.edges);
    for (std::size_t e = 0; e < graph.edges.size(); ++e) {
        const auto &points = drawn.paths[e].points;
        for (std::size_t i = 1; i < points.size(); ++i) {
            if (points[i].x != points[i - 1].x) // between ranks there are no boxes
                continue;
            for (std::size_t box = 0; box < graph.boxes.size(); ++box) {
                const bool within =
                    std::abs(points[i].x - drawn.centers[box].x) < graph.boxes[box].width / 2 &&
                    std::max(points[i - 1].y, drawn.centers[box].y - graph.boxes[box].height / 2) + 1e-6 <
                        std::min(points[i].y, drawn.centers[box].y + graph.boxes[box].height / 2);
                EXPECT_FALSE(within) << "edge " << e << " through box " << box;
            }
        }
    }
}

TEST(LayoutGraph, SameInputGivesTheSameLayout) {
    const RandomGraph graph = randomGraph(3, 400);
    const GraphLayout first = layout(graph.boxes, graph.edges), second = layout(graph.boxes, graph.edges);
    EXPECT_EQ(first.centers, second.centers);
    EXPECT_EQ(first.crossings, second.crossings);
}

TEST(LayoutGraph, SweepsRemoveCrossings) {
    // Two ranks joined crosswise: 0-7, 1-6, 2-5, 3-4 has an order without crossings.
    const std::vector<LayoutBox> boxes(8, {50, 20, LayoutBox::Pin::None});
    EXPECT_EQ(layout(boxes, {{0, 7}, {1, 6}, {2, 5}, {3, 4}}).crossings, 0);
    const RandomGraph graph = randomGraph(11, 300);
    LayoutOptions unswept;
    unswept.sweeps = 0;
    EXPECT_LT(layout(graph.boxes, graph.edges).crossings,
              layout(graph.boxes, graph.edges, unswept).crossings);
}

TEST(CountCrossings, EqualsTheCountOfPairs) {
    const RandomGraph graph = randomGraph(21, 60);
    RankedGraph ranked = rankGraph(graph.boxes, graph.edges, 1000);
    const auto counted = orderRanks(ranked, 2, {});
    ASSERT_TRUE(counted);
    std::int64_t pairs = 0;
    const auto place = [&](int vertex) { return ranked.vertices[static_cast<std::size_t>(vertex)].place; };
    const auto rank = [&](int vertex) { return ranked.vertices[static_cast<std::size_t>(vertex)].rank; };
    for (std::size_t a = 0; a < ranked.links.size(); ++a)
        for (std::size_t b = 0; b < a; ++b)
            if (rank(ranked.links[a].upper) == rank(ranked.links[b].upper))
                pairs += (place(ranked.links[a].upper) - place(ranked.links[b].upper)) *
                                     (place(ranked.links[a].lower) - place(ranked.links[b].lower)) <
                                 0
                             ? 1
                             : 0;
    EXPECT_EQ(*counted, pairs);
}

TEST(LayoutGraph, ResidualLineIsStraight) {
    // 0 → 1 → 2 → 3, and 0 → 3 passes beside 1 and 2.
    const std::vector<LayoutBox> boxes(4, {80, 30, LayoutBox::Pin::None});
    const GraphLayout drawn = layout(boxes, {{0, 1}, {1, 2}, {2, 3}, {0, 3, 0, 0, 0}});
    EXPECT_DOUBLE_EQ(drawn.centers[0].x, drawn.centers[3].x);
    EXPECT_DOUBLE_EQ(drawn.centers[1].x, drawn.centers[2].x);
    for (const LayoutPoint &point : drawn.paths[3].points)
        EXPECT_DOUBLE_EQ(point.x, drawn.centers[0].x);
}

TEST(LayoutGraph, CyclesGetOneEdgeUpwards) {
    const std::vector<LayoutBox> boxes(3, {50, 20, LayoutBox::Pin::None});
    const GraphLayout drawn = layout(boxes, {{0, 1}, {1, 2}, {2, 0}});
    EXPECT_FALSE(drawn.paths[0].upwards);
    EXPECT_FALSE(drawn.paths[1].upwards);
    EXPECT_TRUE(drawn.paths[2].upwards);
    EXPECT_GT(drawn.paths[2].points.front().y, drawn.paths[2].points.back().y);
}

TEST(LayoutGraph, PinnedBoxesAreAtTheEnds) {
    std::vector<LayoutBox> boxes(5, {50, 20, LayoutBox::Pin::None});
    boxes[0].pin = LayoutBox::Pin::Bottom;
    boxes[1].pin = LayoutBox::Pin::Top;
    const GraphLayout drawn = layout(boxes, {{2, 3}, {3, 4}, {1, 4}, {2, 0}});
    EXPECT_EQ(drawn.ranks[1], 0);
    EXPECT_EQ(drawn.ranks[2], 1);
    EXPECT_EQ(drawn.ranks[0], 4);
}

TEST(LayoutGraph, LinesThatWouldCostTooMuchAreStraight) {
    std::vector<LayoutBox> boxes(400, {50, 20, LayoutBox::Pin::None});
    Edges edges;
    for (int i = 1; i < 400; ++i) {
        edges.push_back({i - 1, i});
        if (i > 2)
            edges.push_back({i - 3, 399, 0, 0, 1}); // every box is read again at the end
    }
    LayoutOptions options;
    options.maxBends = 5000;
    const GraphLayout drawn = layout(boxes, edges, options);
    const auto straight = std::count_if(drawn.paths.begin(), drawn.paths.end(),
                                        [](const GraphLayout::Path &path) { return path.straight; });
    EXPECT_GT(straight, 0);
    EXPECT_LT(straight, static_cast<std::ptrdiff_t>(drawn.paths.size() / 2));
    EXPECT_FALSE(drawn.paths[0].straight);
}

TEST(LayoutGraph, EdgeCases) {
    EXPECT_TRUE(layout({}, {}).centers.empty());
    const GraphLayout one = layout({{60, 30, LayoutBox::Pin::None}}, {});
    EXPECT_EQ(one.width, 60);
    EXPECT_EQ(one.height, 30);
    std::vector<LayoutBox> boxes(10001, {50, 20, LayoutBox::Pin::None});
    Edges edges;
    for (int i = 0; i < 10000; ++i)
        edges.push_back({i, 10000});
    EXPECT_EQ(layout(boxes, edges).crossings, 0);
    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(layoutGraph(boxes, edges, {}, {stop.get_token()}).error().code, ErrorCode::Cancelled);
}

} // namespace
} // namespace qs
