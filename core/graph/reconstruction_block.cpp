#include "core/graph/reconstruction_block.h"

#include "core/graph/block_tree.h"
#include "core/graph/index_operators.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace qs {
namespace {

/// Results in which a small change of a float32 number is not seen, or not as one: shapes, indices, other
/// types.
bool losesNumbers(const Node &node, std::size_t output) {
    static const std::set<std::string_view> kComparisons{"Equal", "Greater", "Less"};
    if (node.opType == "Cast")
        return static_cast<DType>(node.intAttribute("to", 0)) != DType::Float32;
    return kComparisons.contains(node.opType) || givesIndices(node, output);
}

/// "blocks.0", "layer_3": a part that exporters number because there are several of its kind.
bool isNumbered(const std::string &name) {
    const std::size_t last = name.find_last_not_of("0123456789");
    return last != std::string::npos && last + 1 < name.size() && (name[last] == '.' || name[last] == '_');
}

/// The last node that reads a value; behind all nodes for outputs of the graph.
NodeId lastUse(const ModelGraph &graph, ValueId id) {
    if (std::ranges::find(graph.outputs(), id) != graph.outputs().end())
        return static_cast<NodeId>(graph.nodes().size());
    const auto &readers = graph.consumers(id);
    return readers.empty() ? kNoNode : readers.back();
}

/// Whether a value is what a block that ends at `end` passes on: it is read behind, or it is the last number
/// on its way to an index or another type.
bool leaves(const ModelGraph &graph, ValueId id, NodeId end) {
    if (lastUse(graph, id) >= end)
        return true;
    const auto &readers = graph.consumers(id);
    return !readers.empty() && std::ranges::all_of(readers, [&](NodeId reader) {
        const Node &node = graph.node(reader);
        for (std::size_t i = 0; i < node.outputs.size(); ++i)
            if (node.outputs[i] != kNoValue && !losesNumbers(node, i) &&
                lastUse(graph, node.outputs[i]) != kNoNode)
                return false;
        return true;
    });
}

class Partition {
public:
    Partition(const ModelGraph &graph, const std::vector<Layer> &layers) : m_graph(graph), m_layers(layers) {
        for (const Layer &layer : layers)
            m_layerOfNode.emplace(layer.node, layer.id);
        findDependent();
    }

    std::vector<ReconstructionBlock> run() {
        NodeId at = 0;
        for (const auto &[range, name] : namedRanges()) {
            addBetween({at, range.begin});
            add(range, name);
            at = range.end;
        }
        addBetween({at, static_cast<NodeId>(m_graph.nodes().size())});
        return std::move(m_blocks);
    }

private:
    struct NamedRange {
        NodeRange range;
        std::string name;
    };

    /// Values that change when the weight of some layer changes.
    void findDependent() {
        m_dependent.assign(m_graph.values().size(), false);
        for (std::size_t n = 0; n < m_graph.nodes().size(); ++n) {
            const Node &node = m_graph.nodes()[n];
            const bool depends = m_layerOfNode.contains(static_cast<NodeId>(n)) ||
                                 std::ranges::any_of(node.inputs, [&](ValueId id) {
                                     return id != kNoValue && m_dependent[static_cast<std::size_t>(id)];
                                 });
            for (std::size_t i = 0; i < node.outputs.size(); ++i)
                if (node.outputs[i] != kNoValue && depends && !losesNumbers(node, i))
                    m_dependent[static_cast<std::size_t>(node.outputs[i])] = true;
        }
    }

    std::vector<LayerId> layersIn(NodeRange range) const {
        std::vector<LayerId> found;
        for (const Layer &layer : m_layers)
            if (range.contains(layer.node))
                found.push_back(layer.id);
        std::ranges::sort(found, {}, [&](LayerId id) { return node(id); });
        return found;
    }

    NodeId node(LayerId id) const { return m_layers[static_cast<std::size_t>(id)].node; }

    /// Where the nodes of numbered blocks lie; those that overlap another are left to structure.
    std::vector<NamedRange> namedRanges() const {
        const BlockTree tree = findBlocks(m_graph);
        std::map<BlockId, NodeRange> ranges;
        for (std::size_t n = 0; n < m_graph.nodes().size(); ++n) {
            const auto id = static_cast<NodeId>(n);
            const BlockId block = numberedBlock(tree, tree.blockOfNode[n]);
            if (block == kWholeGraph)
                continue;
            const auto [found, isNew] = ranges.try_emplace(block, NodeRange{id, id + 1});
            found->second.end = id + 1;
        }
        std::vector<NamedRange> named;
        for (const auto &entry : ranges) { // no structured binding: clang 14 cannot capture one
            const auto block = entry.first;
            const NodeRange range = entry.second;
            const bool overlaps = std::ranges::any_of(ranges, [&](const auto &other) {
                return other.first != block && other.second.begin < range.end &&
                       range.begin < other.second.end;
            });
            const std::string &path = tree.blocks[static_cast<std::size_t>(block)].path;
            if (!overlaps)
                named.push_back({range, path.substr(path.rfind('/') + 1)});
        }
        std::ranges::sort(named, {}, [](const NamedRange &entry) { return entry.range.begin; });
        return named;
    }

    /// The innermost numbered block around `block` with at least two layers, or the whole graph.
    BlockId numberedBlock(const BlockTree &tree, BlockId block) const {
        for (; block != kWholeGraph; block = tree.blocks[static_cast<std::size_t>(block)].parent) {
            if (!isNumbered(tree.blocks[static_cast<std::size_t>(block)].path))
                continue;
            const auto inside = std::ranges::count_if(m_layers, [&](const Layer &layer) {
                return tree.isInside(tree.blockOfNode[static_cast<std::size_t>(layer.node)], block);
            });
            if (inside >= 2)
                return block;
        }
        return kWholeGraph;
    }

    /// Nodes between named blocks: cut before a layer where one value carries everything.
    void addBetween(NodeRange range) {
        const std::vector<LayerId> layers = layersIn(range);
        const std::vector<int> crossing = crossings(range);
        NodeId begin = range.begin;
        for (std::size_t i = 1; i < layers.size(); ++i)
            for (NodeId cut = node(layers[i]); cut > node(layers[i - 1]); --cut)
                if (crossing[static_cast<std::size_t>(cut - range.begin)] <= 1) {
                    add({begin, cut}, {});
                    begin = cut;
                    break;
                }
        add({begin, range.end}, {});
    }

    /// By place in the range: how many values that depend on layers are made in it before and read behind.
    std::vector<int> crossings(NodeRange range) const {
        std::vector<int> count(static_cast<std::size_t>(range.end - range.begin + 2), 0);
        for (NodeId n = range.begin; n < range.end; ++n)
            for (const ValueId id : m_graph.node(n).outputs) {
                if (id == kNoValue || !m_dependent[static_cast<std::size_t>(id)] || lastUse(m_graph, id) <= n)
                    continue;
                ++count[static_cast<std::size_t>(n + 1 - range.begin)];
                --count[static_cast<std::size_t>(std::min(lastUse(m_graph, id), range.end) + 1 -
                                                 range.begin)];
            }
        for (std::size_t i = 1; i < count.size(); ++i)
            count[i] += count[i - 1];
        return count;
    }

    /// Nodes without a layer join the block that follows, at the end the one before.
    void add(NodeRange range, const std::string &name) {
        range.begin = std::min(range.begin, m_pending);
        if (range.begin == range.end)
            return;
        std::vector<LayerId> layers = layersIn(range);
        if (layers.empty() && range.end == static_cast<NodeId>(m_graph.nodes().size()) && !m_blocks.empty()) {
            m_blocks.back().nodes.end = range.end;
            m_blocks.back().outputs = outputsOf(m_blocks.back().nodes);
            return;
        }
        m_pending = layers.empty() ? range.begin : range.end;
        if (!layers.empty())
            m_blocks.push_back({name.empty() ? nameOf(layers) : name, range, layers, outputsOf(range)});
    }

    std::string nameOf(const std::vector<LayerId> &layers) const {
        const std::string &first = m_layers[static_cast<std::size_t>(layers.front())].name;
        return layers.size() == 1
                   ? first
                   : fmt::format("{} to {}", first, m_layers[static_cast<std::size_t>(layers.back())].name);
    }

    std::vector<ValueId> outputsOf(NodeRange range) const {
        std::vector<ValueId> outputs;
        for (NodeId n = range.begin; n < range.end; ++n)
            for (const ValueId id : m_graph.node(n).outputs)
                if (id != kNoValue && m_dependent[static_cast<std::size_t>(id)] &&
                    leaves(m_graph, id, range.end))
                    outputs.push_back(id);
        return outputs;
    }

    const ModelGraph &m_graph;
    const std::vector<Layer> &m_layers;
    std::map<NodeId, LayerId> m_layerOfNode;
    std::vector<bool> m_dependent; ///< by ValueId
    std::vector<ReconstructionBlock> m_blocks;
    NodeId m_pending = 0; ///< first node that no block holds yet
};

} // namespace

std::vector<ReconstructionBlock> findReconstructionBlocks(const ModelGraph &graph,
                                                          const std::vector<Layer> &layers) {
    return layers.empty() ? std::vector<ReconstructionBlock>{} : Partition(graph, layers).run();
}

ReconstructionBlock joinBlocks(const ModelGraph &graph, std::span<const ReconstructionBlock> blocks) {
    ReconstructionBlock joined = blocks.front();
    for (const ReconstructionBlock &block : blocks.subspan(1)) {
        joined.layers.insert(joined.layers.end(), block.layers.begin(), block.layers.end());
        joined.outputs.insert(joined.outputs.end(), block.outputs.begin(), block.outputs.end());
    }
    joined.nodes.end = blocks.back().nodes.end;
    if (blocks.size() > 1)
        joined.name = fmt::format("{} to {}", blocks.front().name, blocks.back().name);
    std::erase_if(joined.outputs, [&](ValueId id) { return !leaves(graph, id, joined.nodes.end); });
    return joined;
}

} // namespace qs
