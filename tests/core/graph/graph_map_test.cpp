#include "tests/core/graph/named_graph.h"

namespace qs {
namespace {

using Kind = MapItem::Kind;

std::shared_ptr<const GraphMap> mapOf(const GraphMapSource &source, const std::vector<bool> &open) {
    auto map = layoutGraphMap(source, open, MapDirection::Down, {});
    EXPECT_TRUE(map) << map.error().text();
    return *map;
}

std::vector<bool> allOpen(const GraphMapSource &source) {
    return std::vector<bool>(source.blocks.blocks.size(), true);
}

std::vector<bool> onlyRootOpen(const GraphMapSource &source) {
    std::vector<bool> open(source.blocks.blocks.size(), false);
    open[0] = true;
    return open;
}

int countOf(const GraphMap &map, Kind kind) {
    return static_cast<int>(std::count_if(map.items.begin(), map.items.end(),
                                          [kind](const MapItem &item) { return item.kind == kind; }));
}

bool contains(const MapItem &frame, const MapItem &item) {
    return frame.left() <= item.left() + 1e-6 && frame.right() >= item.right() - 1e-6 &&
           frame.top() <= item.top() + 1e-6 && frame.bottom() >= item.bottom() - 1e-6;
}

void expectSoundGeometry(const GraphMapSource &source, const GraphMap &map) {
    const auto blockAround = [&](const MapItem &item) {
        return item.kind == Kind::Node ? item.block
                                       : source.blocks.blocks[static_cast<std::size_t>(item.block)].parent;
    };
    for (std::size_t a = 0; a < map.items.size(); ++a) {
        const MapItem &item = map.items[a];
        EXPECT_GE(item.left(), -1e-6);
        EXPECT_LE(item.right(), map.width + 1e-6);
        for (std::size_t b = 0; b < a; ++b) {
            const MapItem &other = map.items[b];
            const bool inside = other.kind == Kind::Frame && item.kind != Kind::Input &&
                                item.kind != Kind::Output &&
                                source.blocks.isInside(blockAround(item), other.block);
            if (inside) {
                EXPECT_TRUE(contains(other, item)) << a << " in frame " << b;
                continue;
            }
            const bool apart = item.left() >= other.right() - 1e-6 || item.right() <= other.left() + 1e-6 ||
                               item.top() >= other.bottom() - 1e-6 || item.bottom() <= other.top() + 1e-6;
            EXPECT_TRUE(apart) << a << " overlaps " << b;
        }
    }
    for (const MapLine &line : map.lines)
        for (std::size_t i = 1; i < line.points.size(); ++i)
            EXPECT_TRUE(line.upwards || line.points[i].y >= line.points[i - 1].y - 1e-6);
}

TEST(GraphMap, CollapsedBlocksStandForTheirNodes) {
    const auto source = makeMapSource(transformerGraph(3));
    const auto map = mapOf(*source, onlyRootOpen(*source));
    EXPECT_EQ(countOf(*map, Kind::Block), 3);
    EXPECT_EQ(countOf(*map, Kind::Node), 2); // embed, head
    EXPECT_EQ(countOf(*map, Kind::Input), 2);
    EXPECT_EQ(countOf(*map, Kind::Output), 1);
    EXPECT_EQ(countOf(*map, Kind::Frame), 0);
    for (const int item : map->itemOfNode)
        EXPECT_GE(item, 0);
    const int second = map->itemOfBlock[static_cast<std::size_t>(source->blocks.blocks[0].children[1])];
    EXPECT_EQ(map->items[static_cast<std::size_t>(second)].kind, Kind::Block);
    EXPECT_EQ(map->edgesFrom(second).size(), 1u); // the next block
    EXPECT_EQ(map->edgesInto(second).size(), 2u); // the one before, and the mask
    expectSoundGeometry(*source, *map);
}

TEST(GraphMap, OpeningABlockShowsItsContentInAFrame) {
    const auto source = makeMapSource(transformerGraph(3));
    std::vector<bool> open = onlyRootOpen(*source);
    const BlockId block = source->blocks.blocks[0].children[1];
    open[static_cast<std::size_t>(block)] = true;
    const auto map = mapOf(*source, open);
    EXPECT_EQ(countOf(*map, Kind::Frame), 1);
    EXPECT_EQ(countOf(*map, Kind::Block), 4); // two others, attn and mlp in the open one
    expectSoundGeometry(*source, *map);
    open[static_cast<std::size_t>(block)] = false;
    const auto closed = mapOf(*source, open);
    EXPECT_EQ(closed->items.size(), mapOf(*source, onlyRootOpen(*source))->items.size());
}

TEST(GraphMap, AllOpenShowsEveryNodeOnce) {
    const auto source = makeMapSource(transformerGraph(4));
    const auto map = mapOf(*source, allOpen(*source));
    EXPECT_EQ(countOf(*map, Kind::Block), 0);
    EXPECT_EQ(countOf(*map, Kind::Node), static_cast<int>(source->graph->nodes().size()));
    EXPECT_EQ(map->upwardLines, 0);
    EXPECT_EQ(map->straightLines, 0);
    expectSoundGeometry(*source, *map);
    // Every edge of the graph is there, whether or not it crosses frames.
    for (std::size_t n = 0; n < source->graph->nodes().size(); ++n)
        for (const ValueId input : source->graph->nodes()[n].inputs) {
            const NodeId producer = source->graph->value(input).producer;
            if (producer == kNoNode)
                continue;
            EXPECT_THAT(map->edgesFrom(map->itemOfNode[static_cast<std::size_t>(producer)]),
                        testing::Contains(map->itemOfNode[n]));
        }
}

TEST(GraphMap, LeadsToTheRightWhenAsked) {
    const auto source = makeMapSource(transformerGraph(2));
    const auto map = *layoutGraphMap(*source, allOpen(*source), MapDirection::Right, {});
    EXPECT_GT(map->width, map->height);
    for (const MapEdge &edge : map->edges)
        EXPECT_LT(map->items[static_cast<std::size_t>(edge.from)].right(),
                  map->items[static_cast<std::size_t>(edge.to)].left() + 1e-6);
    for (std::size_t i = 0; i < map->items.size(); ++i) {
        const MapItem &item = map->items[i];
        EXPECT_GE(item.top(), -1e-6);
        EXPECT_LE(item.bottom(), map->height + 1e-6);
        if (item.kind == Kind::Node && item.block != kWholeGraph) {
            EXPECT_TRUE(contains(
                map->items[static_cast<std::size_t>(map->itemOfBlock[static_cast<std::size_t>(item.block)])],
                item));
        }
        if (item.kind == Kind::Node) {
            EXPECT_GT(item.width, item.height); // texts stay horizontal
        }
    }
}

TEST(GraphMap, LinesMeetAtFrames) {
    const auto source = makeMapSource(transformerGraph(2));
    const auto map = mapOf(*source, allOpen(*source));
    // Each end of a line is at a box, or where another line of the same value goes on.
    const auto touchesBox = [&](LayoutPoint point) {
        return std::any_of(map->items.begin(), map->items.end(), [&](const MapItem &item) {
            return item.kind != Kind::Frame && point.x >= item.left() - 1e-6 &&
                   point.x <= item.right() + 1e-6 &&
                   (std::abs(point.y - item.top()) < 1e-6 || std::abs(point.y - item.bottom()) < 1e-6);
        });
    };
    const auto near = [](LayoutPoint a, LayoutPoint b) { return std::hypot(a.x - b.x, a.y - b.y) < 1e-6; };
    for (const MapLine &line : map->lines) {
        EXPECT_EQ(line.entersBox, touchesBox(line.points.back()));
        for (const LayoutPoint end : {line.points.front(), line.points.back()}) {
            const bool goesOn = std::any_of(map->lines.begin(), map->lines.end(), [&](const MapLine &other) {
                return &other != &line && other.value == line.value &&
                       (near(other.points.front(), end) || near(other.points.back(), end));
            });
            EXPECT_TRUE(goesOn || touchesBox(end)) << end.x << ", " << end.y;
        }
    }
}

TEST(GraphMap, BlocksThatFeedEachOtherAreDrawnWithALineUpwards) {
    const auto source = makeMapSource(namedGraph({{"/a/First", "Relu", {"x"}, "1"},
                                                  {"/b/Only", "Relu", {"1"}, "2"},
                                                  {"/b/Other", "Relu", {"2"}, "3"},
                                                  {"/a/Second", "Relu", {"3"}, "4"}}));
    const auto map = mapOf(*source, onlyRootOpen(*source));
    EXPECT_EQ(countOf(*map, Kind::Block), 2);
    EXPECT_EQ(map->upwardLines, 1);
    expectSoundGeometry(*source, *map);
}

TEST(GraphMap, FoldedPairsLeaveNoBox) {
    const std::map<std::string, Tensor> constants = {
        {"s", Tensor::fromValues<float>({}, std::vector<float>{0.5f})}};
    const auto source = makeMapSource(namedGraph({{"/q/Q", "QuantizeLinear", {"x", "s"}, "a"},
                                                  {"/q/DQ", "DequantizeLinear", {"a", "s"}, "b"},
                                                  {"/relu", "Relu", {"b"}, "y"}},
                                                 constants));
    const auto map = mapOf(*source, allOpen(*source));
    EXPECT_EQ(map->items.size(), 3u); // x, relu, y: the block of the pair is gone with it
    EXPECT_EQ(map->itemOfNode[0], -1);
    EXPECT_EQ(map->edges.size(), 2u);
}

TEST(GraphMap, DegenerateGraphs) {
    EXPECT_TRUE(mapOf(*makeMapSource(namedGraph({})), {true})->items.empty());
    EXPECT_EQ(mapOf(*makeMapSource(namedGraph({{"", "Relu", {"x"}, "y"}})), {true})->items.size(), 3u);
    NamedNode wide{"concat", "Concat", {}, "y"};
    for (int i = 0; i < 10000; ++i)
        wide.inputs.push_back("x" + std::to_string(i));
    const auto map = mapOf(*makeMapSource(namedGraph({wide})), {true});
    EXPECT_EQ(map->items.size(), 10002u);
    EXPECT_EQ(map->lines.size(), 10001u);
}

} // namespace
} // namespace qs
