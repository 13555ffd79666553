#include "core/graph/layer.h"

namespace qs {
namespace {

Node makeNode(GraphBuilder &builder, const std::string &op, const std::vector<std::string> &inputs,
              const std::string &output) {
    Node node;
    node.name = "/" + output + "/" + op;
    node.opType = op;
    for (const std::string &input : inputs)
        node.inputs.push_back(builder.value(input));
    node.outputs.push_back(builder.value(output));
    return node;
}

TEST(GraphBuilder, SortsNodesTopologically) {
    GraphBuilder builder;
    builder.addInput(builder.value("x"));
    ASSERT_TRUE(builder.addNode(makeNode(builder, "Relu", {"a"}, "b")));
    ASSERT_TRUE(builder.addNode(makeNode(builder, "Neg", {"x"}, "a")));
    builder.addOutput(builder.value("b"));
    const auto graph = std::move(builder).finish();
    ASSERT_TRUE(graph) << graph.error().text();
    EXPECT_EQ(graph->nodes()[0].opType, "Neg");
    EXPECT_EQ(graph->value(graph->findValue("b")).producer, 1);
    EXPECT_THAT(graph->consumers(graph->findValue("a")), testing::ElementsAre(1));
}

TEST(GraphBuilder, RefusesCycles) {
    GraphBuilder builder;
    ASSERT_TRUE(builder.addNode(makeNode(builder, "Relu", {"a"}, "b")));
    ASSERT_TRUE(builder.addNode(makeNode(builder, "Relu", {"b"}, "a")));
    const auto graph = std::move(builder).finish();
    ASSERT_FALSE(graph);
    EXPECT_THAT(graph.error().message, testing::HasSubstr("cycle"));
}

TEST(GraphBuilder, RefusesDanglingAndDoubleNames) {
    GraphBuilder dangling;
    ASSERT_TRUE(dangling.addNode(makeNode(dangling, "Relu", {"nowhere"}, "b")));
    EXPECT_THAT(std::move(dangling).finish().error().message, testing::HasSubstr("'nowhere'"));

    GraphBuilder twice;
    twice.addInput(twice.value("x"));
    ASSERT_TRUE(twice.addNode(makeNode(twice, "Relu", {"x"}, "b")));
    EXPECT_FALSE(twice.addNode(makeNode(twice, "Neg", {"x"}, "b")));
    EXPECT_FALSE(twice.addConstant(twice.value("b"), Tensor::scalar(1.0f)));
}

TEST(FindLayers, TransposesMatMulWeightsForMethods) {
    GraphBuilder builder;
    builder.addInput(builder.value("x"));
    const std::vector<float> stored = {1, 2, 3, 4, 5, 6}; // [in = 2, out = 3]
    ASSERT_TRUE(builder.addConstant(builder.value("w"), Tensor::fromValues<float>({2, 3}, stored)));
    ASSERT_TRUE(builder.addNode(makeNode(builder, "MatMul", {"x", "w"}, "proj")));
    builder.addOutput(builder.value("proj"));
    const auto graph = std::move(builder).finish();
    ASSERT_TRUE(graph);

    const std::vector<Layer> layers = findLayers(*graph);
    ASSERT_EQ(layers.size(), 1u);
    EXPECT_EQ(layers[0].name, "proj");
    EXPECT_EQ(layers[0].outChannels, 3);
    EXPECT_EQ(layers[0].inPerOut, 2);
    const auto matrix = weightMatrix(layers[0], *graph);
    ASSERT_TRUE(matrix);
    EXPECT_THAT(matrix->values<float>(), testing::ElementsAre(1, 4, 2, 5, 3, 6));
    EXPECT_THAT(toStoredLayout(layers[0], *matrix).values<float>(), testing::ElementsAreArray(stored));
}

} // namespace
} // namespace qs
