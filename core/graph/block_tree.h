#pragma once

#include "core/graph/model_graph.h"

namespace qs {

using BlockId = std::int32_t; ///< index into BlockTree::blocks
inline constexpr BlockId kWholeGraph = 0;

/// Nodes that belong together by their names.
struct Block {
    std::string path; ///< "m/blocks.0/attn"; empty for the whole graph
    std::string name; ///< what the path adds to the parent's: "attn"
    BlockId parent = kWholeGraph;
    int depth = 0;
    std::vector<BlockId> children; ///< in order of their first node
    std::vector<NodeId> nodes;     ///< directly in this block
    int nodeCount = 0;             ///< in this block and all inside it
};

/// The hierarchy that exporters leave in node names: "/blocks.0/attn/qkv/MatMul" is node MatMul in block qkv
/// in block attn in block blocks.0. Names without '/' are cut at '.' ("blocks.0.attn.qkv").
struct BlockTree {
    std::vector<Block> blocks;        ///< parents before their children; the first is the whole graph
    std::vector<BlockId> blockOfNode; ///< by NodeId: the innermost one

    bool hasHierarchy() const { return blocks.size() > 1; }
    /// Whether `block` is `ancestor` or lies inside it.
    bool isInside(BlockId block, BlockId ancestor) const;
};

/// A block that would hold one thing only is left out: its content belongs to the block around it.
BlockTree findBlocks(const ModelGraph &graph);

/// The node's name without the path of the block: "attn/qkv/MatMul".
std::string nameWithin(const Block &block, const Node &node);

/// The same without the operator at its end, as people call the node: "attn/qkv"; the operator when nothing
/// else is left.
std::string titleWithin(const Block &block, const Node &node);

/// The blocks to show open at first: outer ones before inner ones, as long as at most `boxes` boxes are seen;
/// a block that holds everything is open in any case.
std::vector<bool> openUpTo(const BlockTree &tree, int boxes);

} // namespace qs
