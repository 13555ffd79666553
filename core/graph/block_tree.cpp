#include "core/graph/block_tree.h"

#include <algorithm>

namespace qs {
namespace {

bool isNumber(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

constexpr std::size_t kTooFew = 4;   ///< boxes that tell nothing
constexpr std::size_t kDeepest = 64; ///< names come from files that nobody checked

/// The blocks around a node, outermost first: all parts of its name but the last.
std::vector<std::string> blockParts(const std::string &name) {
    const bool slashes = name.find('/') != std::string::npos;
    const char separator = slashes ? '/' : '.';
    std::vector<std::string> parts;
    for (std::size_t start = 0; start <= name.size();) {
        const std::size_t end = std::min(name.find(separator, start), name.size());
        const std::string part = name.substr(start, end - start);
        start = end + 1;
        // "layers.0" is one block, not block 0 of a block of all layers.
        if (!slashes && isNumber(part) && !parts.empty())
            parts.back() += "." + part;
        else if (!part.empty())
            parts.push_back(part);
    }
    if (!parts.empty())
        parts.pop_back();
    parts.resize(std::min(parts.size(), kDeepest));
    return parts;
}

/// Every prefix of a name as a block, parents first.
class FullTree {
public:
    explicit FullTree(const ModelGraph &graph) {
        blocks.emplace_back();
        for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
            BlockId block = kWholeGraph;
            for (const std::string &part : blockParts(graph.nodes()[n].name))
                block = child(block, part);
            blocks[static_cast<std::size_t>(block)].nodes.push_back(static_cast<NodeId>(n));
        }
        for (std::size_t i = blocks.size(); i-- > 0;) {
            blocks[i].nodeCount += static_cast<int>(blocks[i].nodes.size());
            if (i > 0)
                blocks[static_cast<std::size_t>(blocks[i].parent)].nodeCount += blocks[i].nodeCount;
        }
    }
    std::vector<Block> blocks;

private:
    BlockId child(BlockId parent, const std::string &part) {
        const std::string &outer = blocks[static_cast<std::size_t>(parent)].path;
        const std::string path = outer.empty() ? part : outer + "/" + part;
        const auto next = static_cast<BlockId>(blocks.size());
        const auto [found, inserted] = m_byPath.try_emplace(path, next);
        if (inserted) {
            Block block;
            block.path = path;
            block.parent = parent;
            blocks.push_back(std::move(block));
            blocks[static_cast<std::size_t>(parent)].children.push_back(next);
        }
        return found->second;
    }
    std::unordered_map<std::string, BlockId> m_byPath;
};

/// Copies the blocks that hold at least two things, deeper ones later.
class Pruning {
public:
    Pruning(const FullTree &full, std::size_t nodes) : m_full(full) {
        m_tree.blockOfNode.resize(nodes, kWholeGraph);
        std::vector<std::pair<BlockId, BlockId>> waiting{
            {kWholeGraph, addBlock(full.blocks[0], kWholeGraph)}};
        while (!waiting.empty()) {
            const auto [from, into] = waiting.back();
            waiting.pop_back();
            const Block &block = full.blocks[static_cast<std::size_t>(from)];
            for (const NodeId node : block.nodes) {
                m_tree.blocks[static_cast<std::size_t>(into)].nodes.push_back(node);
                m_tree.blockOfNode[static_cast<std::size_t>(node)] = into;
            }
            for (auto child = block.children.rbegin(); child != block.children.rend(); ++child)
                waiting.emplace_back(
                    *child,
                    keep(*child) ? addBlock(full.blocks[static_cast<std::size_t>(*child)], into) : into);
        }
        for (std::size_t i = 0; i < m_tree.blocks.size(); ++i)
            std::sort(m_tree.blocks[i].nodes.begin(), m_tree.blocks[i].nodes.end());
    }
    BlockTree take() { return std::move(m_tree); }

private:
    bool keep(BlockId id) const {
        const Block &block = m_full.blocks[static_cast<std::size_t>(id)];
        return block.nodeCount > 1 && block.nodes.size() + block.children.size() > 1;
    }
    BlockId addBlock(const Block &from, BlockId parent) {
        const auto id = static_cast<BlockId>(m_tree.blocks.size());
        Block block;
        block.path = from.path;
        block.nodeCount = from.nodeCount;
        block.parent = parent;
        if (id != kWholeGraph) {
            Block &outer = m_tree.blocks[static_cast<std::size_t>(parent)];
            block.name = from.path.substr(outer.path.empty() ? 0 : outer.path.size() + 1);
            block.depth = outer.depth + 1;
            outer.children.insert(outer.children.begin(), id); // they come last first
        }
        m_tree.blocks.push_back(std::move(block));
        return id;
    }

    const FullTree &m_full;
    BlockTree m_tree;
};

} // namespace

bool BlockTree::isInside(BlockId block, BlockId ancestor) const {
    while (block != ancestor && block != kWholeGraph)
        block = blocks[static_cast<std::size_t>(block)].parent;
    return block == ancestor;
}

BlockTree findBlocks(const ModelGraph &graph) {
    const FullTree full(graph);
    return Pruning(full, graph.nodes().size()).take();
}

std::string nameWithin(const Block &block, const Node &node) {
    std::string name = node.name;
    const std::size_t start = name.find_first_not_of('/');
    if (start == std::string::npos)
        return name;
    name.erase(0, start);
    if (!block.path.empty() && name.size() > block.path.size() + 1)
        name.erase(0, block.path.size() + 1);
    return name;
}

std::string titleWithin(const Block &block, const Node &node) {
    std::string title = nameWithin(block, node);
    if (title.ends_with("/" + node.opType) && title.size() > node.opType.size() + 1)
        title.resize(title.size() - node.opType.size() - 1);
    return title;
}

std::vector<bool> openUpTo(const BlockTree &tree, int boxes) {
    std::vector<bool> open(tree.blocks.size(), false);
    std::vector<std::vector<BlockId>> byDepth;
    for (std::size_t i = 0; i < tree.blocks.size(); ++i) {
        byDepth.resize(std::max(byDepth.size(), static_cast<std::size_t>(tree.blocks[i].depth) + 1));
        byDepth[static_cast<std::size_t>(tree.blocks[i].depth)].push_back(static_cast<BlockId>(i));
    }
    std::size_t seen = 1;
    for (const auto &blocks : byDepth) {
        std::size_t more = 0;
        for (const BlockId id : blocks) {
            const Block &block = tree.blocks[static_cast<std::size_t>(id)];
            more += block.nodes.size() + block.children.size();
        }
        // The whole graph is always open, and so is a block with everything.
        if (seen >= kTooFew && seen + more > static_cast<std::size_t>(std::max(boxes, 0)))
            break;
        for (const BlockId id : blocks)
            open[static_cast<std::size_t>(id)] = true;
        seen += more;
    }
    return open;
}

} // namespace qs
