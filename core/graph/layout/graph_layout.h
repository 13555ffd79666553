#pragma once

#include "core/base/run_context.h"

#include <vector>

namespace qs {

struct LayoutPoint {
    double x = 0, y = 0; ///< y downwards
    bool operator==(const LayoutPoint &) const = default;
};

/// A rectangle to be placed. Pinned ones have edges on one side only: Top starts edges, Bottom ends them.
struct LayoutBox {
    enum class Pin { None, Top, Bottom };
    double width = 0, height = 0;
    Pin pin = Pin::None;
};

/// An edge that leaves `from` at its lower side and enters `to` at its upper side.
struct LayoutEdge {
    int from = 0, to = 0;                ///< boxes, different ones
    double fromOffset = 0, toOffset = 0; ///< where at these sides, from the middle
    int bundle = 0; ///< edges of one box with the same number run together until they must part
};

struct LayoutOptions {
    double boxGap = 22;              ///< between boxes of a rank
    double lineGap = 12;             ///< beside a line that passes a rank
    double rankGap = 32;             ///< between ranks
    int sweeps = 12;                 ///< of crossing reduction and of positioning, each down and up
    std::int64_t maxBends = 200'000; ///< places where lines pass ranks; longer lines are drawn straight then
};

struct GraphLayout {
    struct Path {
        std::vector<LayoutPoint> points; ///< from the box that the edge leaves to the one it enters
        bool upwards = false;            ///< part of a cycle: enters a box above
        bool straight = false;           ///< too long to be routed around boxes
    };
    std::vector<LayoutPoint> centers; ///< by box
    std::vector<int> ranks;           ///< by box, 0 = top
    std::vector<Path> paths;          ///< by edge
    double width = 0, height = 0;     ///< everything lies in [0, width] × [0, height]
    std::int64_t crossings = 0;       ///< of routed lines between neighbouring ranks
};

/// Layered drawing of a directed graph: boxes in ranks, edges downwards, boxes never overlap. Cycles are
/// broken at an edge that then points upwards. The same input gives the same layout.
///
/// Longest-path ranks with sources pulled down, bends where lines pass a rank, barycentre sweeps that keep
/// the order with fewest crossings, positions by weighted medians under the spacing constraint (isotonic
/// regression). About linear in boxes + bends. \source Sugiyama, Tagawa, Toda 1981; Gansner et al. 1993
/// \error Cancelled
Result<GraphLayout> layoutGraph(const std::vector<LayoutBox> &boxes, const std::vector<LayoutEdge> &edges,
                                const LayoutOptions &options, const RunContext &ctx);

} // namespace qs
