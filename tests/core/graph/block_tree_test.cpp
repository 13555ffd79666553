#include "tests/core/graph/named_graph.h"

namespace qs {
namespace {

const Block *blockAt(const BlockTree &tree, const std::string &path) {
    for (const Block &block : tree.blocks)
        if (block.path == path)
            return &block;
    return nullptr;
}

TEST(FindBlocks, NamesOfPyTorchMakeNestedBlocks) {
    const auto graph = transformerGraph(2);
    const BlockTree tree = findBlocks(*graph);
    ASSERT_TRUE(tree.hasHierarchy());
    const Block *block = blockAt(tree, "blocks.1");
    ASSERT_TRUE(block);
    EXPECT_EQ(block->nodeCount, 16);
    EXPECT_EQ(block->parent, kWholeGraph);
    const Block *attention = blockAt(tree, "blocks.1/attn");
    ASSERT_TRUE(attention);
    EXPECT_EQ(attention->name, "attn");
    EXPECT_EQ(attention->children.size(), 3u);
    EXPECT_EQ(attention->nodes.size(), 4u);
    // One node is no block: it belongs to the block around it, with the rest of its name.
    EXPECT_FALSE(blockAt(tree, "blocks.1/norm1"));
    EXPECT_FALSE(blockAt(tree, "blocks.1/mlp/fc1"));
    EXPECT_TRUE(blockAt(tree, "blocks.1/mlp"));
    EXPECT_EQ(nameWithin(*block, graph->node(block->nodes.front())), "norm1/Norm");
    const Block *mlp = blockAt(tree, "blocks.1/mlp");
    EXPECT_EQ(titleWithin(*mlp, graph->node(mlp->nodes.front())), "fc1");
    EXPECT_EQ(titleWithin(*attention, graph->node(attention->nodes.front())), "MatMul");
}

TEST(FindBlocks, EveryNodeIsInExactlyOneBlock) {
    const auto graph = transformerGraph(3);
    const BlockTree tree = findBlocks(*graph);
    std::vector<int> seen(graph->nodes().size(), 0);
    for (std::size_t id = 0; id < tree.blocks.size(); ++id) {
        const Block &block = tree.blocks[id];
        int count = static_cast<int>(block.nodes.size());
        for (const NodeId node : block.nodes) {
            ++seen[static_cast<std::size_t>(node)];
            EXPECT_EQ(tree.blockOfNode[static_cast<std::size_t>(node)], static_cast<BlockId>(id));
        }
        for (const BlockId child : block.children) {
            EXPECT_GT(child, static_cast<BlockId>(id));
            EXPECT_EQ(tree.blocks[static_cast<std::size_t>(child)].parent, static_cast<BlockId>(id));
            count += tree.blocks[static_cast<std::size_t>(child)].nodeCount;
        }
        EXPECT_EQ(block.nodeCount, count);
        EXPECT_TRUE(id == 0 || block.nodes.size() + block.children.size() > 1);
    }
    EXPECT_THAT(seen, testing::Each(1));
}

TEST(FindBlocks, DotsSeparateWhenThereAreNoSlashes) {
    const auto graph = namedGraph({{"model.layers.0.q.MatMul", "MatMul", {"x"}, "a"},
                                   {"model.layers.0.q.Add", "Add", {"a"}, "b"},
                                   {"model.layers.0.Add", "Add", {"b", "x"}, "c"},
                                   {"model.layers.1.q.MatMul", "MatMul", {"c"}, "d"},
                                   {"model.layers.1.q.Add", "Add", {"d"}, "e"}});
    const BlockTree tree = findBlocks(*graph);
    ASSERT_TRUE(blockAt(tree, "model/layers.0"));
    EXPECT_EQ(blockAt(tree, "model/layers.0")->nodeCount, 3);
    EXPECT_EQ(blockAt(tree, "model/layers.0")->parent, 1); // "model" holds two blocks
}

TEST(FindBlocks, NamesWithoutHierarchyAreFlat) {
    const auto graph =
        namedGraph({{"Relu_0", "Relu", {"x"}, "a"}, {"", "Neg", {"a"}, "b"}, {"///", "Neg", {"b"}, "c"}});
    const BlockTree tree = findBlocks(*graph);
    EXPECT_FALSE(tree.hasHierarchy());
    EXPECT_EQ(tree.blocks[kWholeGraph].nodes.size(), 3u);
    EXPECT_EQ(nameWithin(tree.blocks[kWholeGraph], graph->node(2)), "///");
}

TEST(FindBlocks, DeepNamesAreCut) {
    std::string deep;
    std::vector<NamedNode> nodes;
    for (int i = 0; i < 200; ++i) {
        deep += "/d";
        nodes.push_back({deep + "/Relu", "Relu", {"v" + std::to_string(i)}, "v" + std::to_string(i + 1)});
    }
    const BlockTree tree = findBlocks(*namedGraph(nodes));
    int deepest = 0;
    for (const Block &block : tree.blocks)
        deepest = std::max(deepest, block.depth);
    EXPECT_LE(deepest, 64);
}

TEST(OpenUpTo, OuterBlocksFirstAndOnlyWholeLevels) {
    const BlockTree tree = findBlocks(*transformerGraph(3));
    const auto countOpen = [&](int boxes) {
        const std::vector<bool> open = openUpTo(tree, boxes);
        return std::count(open.begin(), open.end(), true);
    };
    EXPECT_EQ(countOpen(0), 1);  // the whole graph
    EXPECT_EQ(countOpen(30), 4); // and its three blocks
    EXPECT_EQ(countOpen(9999), static_cast<std::ptrdiff_t>(tree.blocks.size()));
}

} // namespace
} // namespace qs
