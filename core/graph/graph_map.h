#pragma once

#include "core/graph/block_tree.h"
#include "core/graph/layout/graph_layout.h"
#include "core/graph/qdq_folding.h"

namespace qs {

/// Something that is drawn as a box.
struct MapItem {
    enum class Kind {
        Node,
        Block, ///< collapsed
        Frame, ///< an open block, around what it holds
        Input, ///< of the model
        Output,
    };
    Kind kind = Kind::Node;
    NodeId node = kNoNode;       ///< Node
    BlockId block = kWholeGraph; ///< Block, Frame: itself; Node: the one around it
    ValueId value = kNoValue;    ///< Input, Output
    LayoutPoint center;          ///< map units: about a pixel at natural size
    double width = 0, height = 0;

    double left() const { return center.x - width / 2; }
    double right() const { return center.x + width / 2; }
    double top() const { return center.y - height / 2; }
    double bottom() const { return center.y + height / 2; }
};

/// A piece of an edge, within one frame.
struct MapLine {
    std::vector<LayoutPoint> points; ///< along the direction of the edge
    ValueId value = kNoValue;
    bool entersBox = false; ///< ends at a box that is no frame: draw an arrow head
    bool upwards = false;   ///< against the direction: part of a cycle between blocks
    bool straight = false;  ///< too long to be routed around boxes
};

/// An edge between two boxes, frames left out: for walking along.
struct MapEdge {
    int from = 0, to = 0; ///< items
    ValueId value = kNoValue;
};

/// Where edges lead.
enum class MapDirection { Down, Right };

/// A model's graph as it is drawn with some blocks open. Immutable.
struct GraphMap {
    std::vector<MapItem> items; ///< frames before what they hold
    std::vector<MapLine> lines;
    std::vector<MapEdge> edges;  ///< by from, then to
    std::vector<int> itemOfNode; ///< by NodeId: its box, or the collapsed block that holds it; -1 when folded
    std::vector<int> itemOfBlock; ///< by BlockId: its box or frame; -1 inside a collapsed one
    double width = 0, height = 0;
    MapDirection direction = MapDirection::Down;
    std::int64_t straightLines = 0;
    std::int64_t upwardLines = 0;

    std::vector<int> edgesFrom(int item) const; ///< items that the edges out of it lead to, without repeats
    std::vector<int> edgesInto(int item) const;
};

/// What a map is made of; worked out once per model.
struct GraphMapSource {
    std::shared_ptr<const ModelGraph> graph;
    BlockTree blocks;
    QdqFolding folding;
};
std::shared_ptr<const GraphMapSource> makeMapSource(std::shared_ptr<const ModelGraph> graph);

/// Lays the graph out, every open block within its frame. Constants have no box. Under 1 s for 10,000 nodes.
/// \param open  by BlockId; a block inside a closed one is not seen
/// \error Cancelled
Result<std::shared_ptr<const GraphMap>> layoutGraphMap(const GraphMapSource &source,
                                                       const std::vector<bool> &open, MapDirection direction,
                                                       const RunContext &ctx);

} // namespace qs
