#pragma once

#include "core/graph/model.h"

#include <span>

namespace qs {

/// Consecutive nodes of a graph: [begin, end) in its topological order.
struct NodeRange {
    NodeId begin = 0, end = 0;

    bool contains(NodeId node) const { return node >= begin && node < end; }
    bool operator==(const NodeRange &) const = default;
};

/// Part of a network whose layers are optimised together, so that its outputs stay what they were: a residual
/// or transformer block, or a single layer with the activation behind it.
struct ReconstructionBlock {
    std::string name; ///< "blocks.0", or of the layers: "conv1", "fc1 to fc2"
    NodeRange nodes;
    std::vector<LayerId> layers; ///< of its nodes, in topological order; at least one
    /// Values that depend on a layer and are read behind the block, or only by what makes indices or another
    /// type of them: where those end, a change can still be measured.
    std::vector<ValueId> outputs;
};

/// Cuts a network into blocks: first by names (the innermost numbered part that holds several layers, as
/// "layers.3" or "features.2"), then, between those, wherever a single value carries everything from the
/// layers before to those behind. Blocks follow each other without a gap and hold every layer.
std::vector<ReconstructionBlock> findReconstructionBlocks(const ModelGraph &graph,
                                                          const std::vector<Layer> &layers);

/// Blocks that follow each other as one.
/// \param blocks  at least one; each begins where the one before ends
ReconstructionBlock joinBlocks(const ModelGraph &graph, std::span<const ReconstructionBlock> blocks);

} // namespace qs
