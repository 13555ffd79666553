#include "core/graph/graph_map.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace qs {
namespace {

constexpr double kBoxHeight = 42, kTerminalHeight = 26;
constexpr double kLeastWidth = 112, kMostWidth = 200, kWidthPerCharacter = 7.2, kTextMargin = 22;
constexpr double kLeastBlockWidth = 136; // "34 nodes, 4 layers"
constexpr double kFramePadding = 16, kFrameHeader = 24;

std::size_t at(int index) {
    return static_cast<std::size_t>(index);
}

double widthFor(std::size_t characters) {
    return std::clamp(static_cast<double>(characters) * kWidthPerCharacter + kTextMargin, kLeastWidth,
                      kMostWidth);
}

/// One block that is open, with what its own layout needs.
struct Level {
    std::vector<int> items;                   ///< boxes and inner frames
    std::vector<LayoutBox> boxes;             ///< one per item, then the ports
    std::map<ValueId, int> inPorts, outPorts; ///< where values cross the frame: indices of boxes
    struct End {
        int box = 0;
        int inner = kWholeGraph; ///< the inner frame that the end is a port of, or kWholeGraph
    };
    struct Edge {
        End from, to;
        ValueId value = kNoValue;
        bool entersBox = false;
    };
    std::vector<Edge> edges;
    std::set<std::tuple<int, int, ValueId>> known; ///< edges: boxes and value
    GraphLayout layout;
    LayoutPoint inset; ///< of the layout in its frame
};

class MapMaker {
public:
    MapMaker(const GraphMapSource &source, const std::vector<bool> &open, MapDirection direction,
             const RunContext &ctx)
        : m_source(source), m_graph(*source.graph), m_open(open), m_ctx(ctx),
          m_levels(source.blocks.blocks.size()) {
        m_map.direction = direction;
    }

    Result<std::shared_ptr<const GraphMap>> make() {
        addItems();
        addEdges();
        for (const MapEdge &edge : m_map.edges)
            addToLevels(edge);
        // Inner blocks have higher numbers, and their sizes are needed first.
        for (std::size_t block = m_levels.size(); block-- > 0;)
            if (isFilled(static_cast<BlockId>(block)))
                QS_CHECK_OK(layoutLevel(static_cast<BlockId>(block)));
        place(kWholeGraph, {0, 0});
        m_map.width = m_levels[kWholeGraph].layout.width;
        m_map.height = m_levels[kWholeGraph].layout.height;
        if (isSideways())
            transpose();
        return std::make_shared<const GraphMap>(std::move(m_map));
    }

private:
    // Until the end, all places and sizes are those of a map that leads down.
    bool isSideways() const { return m_map.direction == MapDirection::Right; }

    const Block &block(BlockId id) const { return m_source.blocks.blocks[at(id)]; }
    /// Whether the block is shown as a frame: open, like everything around it, and not folded away.
    bool isFilled(BlockId id) const {
        return id == kWholeGraph || (m_open[at(id)] && m_map.itemOfBlock[at(id)] >= 0);
    }

    int addItem(MapItem item, BlockId level, double width, double height) {
        item.width = isSideways() ? height : width;
        item.height = isSideways() ? width : height;
        m_map.items.push_back(item);
        m_boxOfItem.push_back(static_cast<int>(m_levels[at(level)].items.size()));
        m_levelOfItem.push_back(level);
        m_levels[at(level)].items.push_back(static_cast<int>(m_map.items.size()) - 1);
        return static_cast<int>(m_map.items.size()) - 1;
    }

    void addItems() {
        m_map.itemOfNode.assign(m_graph.nodes().size(), -1);
        m_map.itemOfBlock.assign(m_source.blocks.blocks.size(), -1);
        m_itemOfInput.clear();
        for (const ValueId input : m_graph.inputs())
            m_itemOfInput[input] = addTerminal(MapItem::Kind::Input, input);
        addContent(kWholeGraph);
        for (const ValueId output : m_graph.outputs())
            m_outputs.emplace_back(output, addTerminal(MapItem::Kind::Output, output));
    }

    int addTerminal(MapItem::Kind kind, ValueId value) {
        MapItem item;
        item.kind = kind;
        item.value = value;
        return addItem(item, kWholeGraph, widthFor(m_graph.value(value).name.size()), kTerminalHeight);
    }

    /// The items of an open block, nodes and inner blocks in the order of the graph.
    void addContent(BlockId id) {
        std::vector<std::pair<NodeId, BlockId>> content; // kWholeGraph: the node itself
        for (const NodeId node : block(id).nodes)
            if (!m_source.folding.hidden[at(node)])
                content.emplace_back(node, kWholeGraph);
        for (const BlockId child : block(id).children)
            if (const NodeId first = firstNode(child); first != kNoNode)
                content.emplace_back(first, child);
        std::sort(content.begin(), content.end());
        for (const auto &[node, child] : content) {
            MapItem item;
            item.block = child == kWholeGraph ? id : child;
            if (child == kWholeGraph) {
                item.node = node;
                const std::size_t characters = titleWithin(block(id), m_graph.node(node)).size();
                m_map.itemOfNode[at(node)] = addItem(item, id, widthFor(characters), kBoxHeight);
                continue;
            }
            item.kind = m_open[at(child)] ? MapItem::Kind::Frame : MapItem::Kind::Block;
            const double width = std::max(widthFor(block(child).name.size() + 2), kLeastBlockWidth);
            const int box = addItem(item, id, width, kBoxHeight);
            m_map.itemOfBlock[at(child)] = box;
            if (m_open[at(child)])
                addContent(child);
            else
                assignNodes(child, box);
        }
    }

    /// kNoNode when everything in the block is folded away.
    NodeId firstNode(BlockId id) const {
        NodeId first = kNoNode;
        const auto consider = [&first](NodeId node) {
            if (node != kNoNode && (first == kNoNode || node < first))
                first = node;
        };
        for (const NodeId node : block(id).nodes)
            if (!m_source.folding.hidden[at(node)])
                consider(node);
        for (const BlockId child : block(id).children)
            consider(firstNode(child));
        return first;
    }

    void assignNodes(BlockId id, int item) {
        for (const NodeId node : block(id).nodes)
            if (!m_source.folding.hidden[at(node)])
                m_map.itemOfNode[at(node)] = item;
        for (const BlockId child : block(id).children)
            assignNodes(child, item);
    }

    /// The box that a value comes from, or -1 for constants.
    int sourceItem(ValueId value) const {
        if (const NodeId producer = m_graph.value(value).producer; producer != kNoNode)
            return m_map.itemOfNode[at(producer)];
        const auto input = m_itemOfInput.find(value);
        return input == m_itemOfInput.end() ? -1 : input->second;
    }

    void addEdges() {
        std::set<std::tuple<int, int, ValueId>> edges;
        const auto add = [&](ValueId value, int to) {
            const ValueId from = m_source.folding.source[at(value)];
            if (const int item = sourceItem(from); item >= 0 && to >= 0 && item != to)
                edges.emplace(item, to, from);
        };
        for (std::size_t n = 0; n < m_graph.nodes().size(); ++n) {
            const Node &node = m_graph.nodes()[n];
            if (m_source.folding.hidden[n])
                continue;
            for (const ValueId input : node.inputs)
                if (input != kNoValue)
                    add(input, m_map.itemOfNode[n]);
            for (const ValueId captured : capturedValues(m_graph, node))
                add(captured, m_map.itemOfNode[n]);
        }
        for (const auto &[value, item] : m_outputs)
            add(value, item);
        for (const auto &[from, to, value] : edges)
            m_map.edges.push_back({from, to, value});
    }

    int port(std::map<ValueId, int> Level::*ports, LayoutBox::Pin pin, BlockId id, ValueId value) {
        Level &level = m_levels[at(id)];
        const auto [found, inserted] = (level.*ports).try_emplace(value, -1);
        if (inserted) {
            found->second =
                static_cast<int>(level.items.size() + level.inPorts.size() + level.outPorts.size()) - 1;
            level.boxes.resize(at(found->second) + 1);
            level.boxes[at(found->second)].pin = pin;
        }
        return found->second;
    }

    void addEdge(BlockId id, Level::End from, Level::End to, ValueId value, bool entersBox) {
        Level &level = m_levels[at(id)];
        if (level.known.emplace(from.box, to.box, value).second)
            level.edges.push_back({from, to, value, entersBox});
    }

    /// Cuts an edge at the frames that it crosses.
    void addToLevels(const MapEdge &edge) {
        BlockId up = m_levelOfItem[at(edge.from)], down = m_levelOfItem[at(edge.to)];
        Level::End from{m_boxOfItem[at(edge.from)], kWholeGraph}, to{m_boxOfItem[at(edge.to)], kWholeGraph};
        bool entersBox = true;
        while (up != down) {
            if (block(up).depth >= block(down).depth) { // leave the frame of the upper end
                addEdge(up, from,
                        {port(&Level::outPorts, LayoutBox::Pin::Bottom, up, edge.value), kWholeGraph},
                        edge.value, false);
                from = {m_boxOfItem[at(m_map.itemOfBlock[at(up)])], up};
                up = block(up).parent;
            } else {
                addEdge(down, {port(&Level::inPorts, LayoutBox::Pin::Top, down, edge.value), kWholeGraph}, to,
                        edge.value, entersBox);
                to = {m_boxOfItem[at(m_map.itemOfBlock[at(down)])], down};
                down = block(down).parent;
                entersBox = false;
            }
        }
        addEdge(up, from, to, edge.value, entersBox);
    }

    Status layoutLevel(BlockId id) {
        Level &level = m_levels[at(id)];
        level.boxes.resize(level.items.size() + level.inPorts.size() + level.outPorts.size());
        for (std::size_t i = 0; i < level.items.size(); ++i)
            level.boxes[i] = {m_map.items[at(level.items[i])].width, m_map.items[at(level.items[i])].height,
                              LayoutBox::Pin::None};
        std::vector<LayoutEdge> edges;
        for (const Level::Edge &edge : level.edges)
            edges.push_back({edge.from.box, edge.to.box, portOffset(edge.from, &Level::outPorts, edge.value),
                             portOffset(edge.to, &Level::inPorts, edge.value), edge.value});
        QS_TRY(level.layout, layoutGraph(level.boxes, edges, {}, m_ctx));
        if (id != kWholeGraph)
            fitFrame(m_map.items[at(m_map.itemOfBlock[at(id)])], level);
        return {};
    }

    /// The frame's size around its content; it was as large as its title.
    void fitFrame(MapItem &frame, Level &level) const {
        const double widthEnds = isSideways() ? kFrameHeader + kFramePadding : 2 * kFramePadding;
        const double heightEnds = isSideways() ? 2 * kFramePadding : kFrameHeader + kFramePadding;
        frame.width = std::max(level.layout.width + widthEnds, frame.width);
        frame.height = std::max(level.layout.height + heightEnds, frame.height);
        level.inset.x = isSideways() ? kFrameHeader : (frame.width - level.layout.width) / 2;
        level.inset.y = isSideways() ? (frame.height - level.layout.height) / 2 : kFrameHeader;
    }

    /// Where a value crosses an inner frame, from the frame's middle.
    double portOffset(const Level::End &end, std::map<ValueId, int> Level::*ports, ValueId value) const {
        if (end.inner == kWholeGraph)
            return 0;
        const Level &inner = m_levels[at(end.inner)];
        return inner.layout.centers[at((inner.*ports).at(value))].x + inner.inset.x -
               m_map.items[at(m_map.itemOfBlock[at(end.inner)])].width / 2;
    }

    /// Moves a level's layout to its place, and all that is inside.
    void place(BlockId id, LayoutPoint origin) {
        const Level &level = m_levels[at(id)];
        for (std::size_t i = 0; i < level.items.size(); ++i) {
            MapItem &item = m_map.items[at(level.items[i])];
            item.center = {level.layout.centers[i].x + origin.x, level.layout.centers[i].y + origin.y};
        }
        for (std::size_t e = 0; e < level.edges.size(); ++e)
            addLine(id, level, e, origin);
        for (const int index : level.items) {
            const MapItem &item = m_map.items[at(index)];
            if (item.kind != MapItem::Kind::Frame)
                continue;
            const LayoutPoint inset = m_levels[at(item.block)].inset;
            place(item.block, {item.left() + inset.x, item.top() + inset.y});
        }
    }

    void addLine(BlockId id, const Level &level, std::size_t e, LayoutPoint origin) {
        const Level::Edge &edge = level.edges[e];
        const GraphLayout::Path &path = level.layout.paths[e];
        MapLine line;
        line.value = edge.value;
        line.entersBox = edge.entersBox;
        line.upwards = path.upwards;
        line.straight = path.straight;
        for (const LayoutPoint &point : path.points)
            line.points.push_back({point.x + origin.x, point.y + origin.y});
        // Ports lie inside the frame; the line meets the one outside at the frame itself.
        if (level.boxes[at(edge.from.box)].pin == LayoutBox::Pin::Top)
            line.points.insert(line.points.begin(), {line.points.front().x, origin.y - level.inset.y});
        if (level.boxes[at(edge.to.box)].pin == LayoutBox::Pin::Bottom)
            line.points.push_back(
                {line.points.back().x, m_map.items[at(m_map.itemOfBlock[at(id)])].bottom()});
        m_map.straightLines += line.straight ? 1 : 0;
        m_map.upwardLines += line.upwards ? 1 : 0;
        m_map.lines.push_back(std::move(line));
    }

    void transpose() {
        for (MapItem &item : m_map.items) {
            std::swap(item.center.x, item.center.y);
            std::swap(item.width, item.height);
        }
        for (MapLine &line : m_map.lines)
            for (LayoutPoint &point : line.points)
                std::swap(point.x, point.y);
        std::swap(m_map.width, m_map.height);
    }

    const GraphMapSource &m_source;
    const ModelGraph &m_graph;
    const std::vector<bool> &m_open;
    const RunContext &m_ctx;
    std::vector<Level> m_levels; ///< by BlockId; only those of shown blocks are filled
    std::vector<int> m_boxOfItem;
    std::vector<BlockId> m_levelOfItem;
    std::map<ValueId, int> m_itemOfInput;
    std::vector<std::pair<ValueId, int>> m_outputs;
    GraphMap m_map;
};

void sortOut(std::vector<int> &items) {
    std::sort(items.begin(), items.end());
    items.erase(std::unique(items.begin(), items.end()), items.end());
}

} // namespace

std::vector<int> GraphMap::edgesFrom(int item) const {
    std::vector<int> found;
    const auto first = std::lower_bound(edges.begin(), edges.end(), item,
                                        [](const MapEdge &edge, int wanted) { return edge.from < wanted; });
    for (auto edge = first; edge != edges.end() && edge->from == item; ++edge)
        found.push_back(edge->to);
    sortOut(found);
    return found;
}

std::vector<int> GraphMap::edgesInto(int item) const {
    std::vector<int> found;
    for (const MapEdge &edge : edges)
        if (edge.to == item)
            found.push_back(edge.from);
    sortOut(found);
    return found;
}

std::shared_ptr<const GraphMapSource> makeMapSource(std::shared_ptr<const ModelGraph> graph) {
    BlockTree blocks = findBlocks(*graph);
    QdqFolding folding = foldQdq(*graph);
    return std::make_shared<const GraphMapSource>(
        GraphMapSource{std::move(graph), std::move(blocks), std::move(folding)});
}

Result<std::shared_ptr<const GraphMap>> layoutGraphMap(const GraphMapSource &source,
                                                       const std::vector<bool> &open, MapDirection direction,
                                                       const RunContext &ctx) {
    return MapMaker(source, open, direction, ctx).make();
}

} // namespace qs
