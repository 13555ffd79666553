// Blocks of the sample models and of small graphs without names. Beside the tape because a block must also be
// what a tape can run alone.
#include "core/gradient/tape.h"
#include "core/graph/reconstruction_block.h"
#include "tests/core/exec/small_model.h"
#include "tests/support/sample_run.h"

#include <gmock/gmock.h>

namespace qs {
namespace {

std::vector<std::string> namesOf(const std::vector<ReconstructionBlock> &blocks) {
    std::vector<std::string> names;
    for (const ReconstructionBlock &block : blocks)
        names.push_back(block.name);
    return names;
}

std::vector<ReconstructionBlock> blocksOf(const Model &model) {
    return findReconstructionBlocks(model.graph, model.layers);
}

std::shared_ptr<const Model> sample(const std::string &name) {
    return openSample(std::filesystem::path(QS_SAMPLE_DATA) / name);
}

/// What must hold for every model.
void expectPartition(const Model &model, const std::vector<ReconstructionBlock> &blocks) {
    NodeId at = 0;
    std::size_t layers = 0;
    for (const ReconstructionBlock &block : blocks) {
        EXPECT_EQ(block.nodes.begin, at) << block.name;
        at = block.nodes.end;
        EXPECT_FALSE(block.layers.empty()) << block.name;
        EXPECT_FALSE(block.outputs.empty()) << block.name;
        layers += block.layers.size();
        for (const LayerId layer : block.layers)
            EXPECT_TRUE(block.nodes.contains(model.layers[static_cast<std::size_t>(layer)].node));
    }
    EXPECT_EQ(at, static_cast<NodeId>(model.graph.nodes().size()));
    EXPECT_EQ(layers, model.layers.size());
}

TEST(ReconstructionBlocks, ConvolutionalSampleHasItsInvertedResiduals) {
    const auto model = sample("glyph-cnn.onnx");
    const auto blocks = blocksOf(*model);
    expectPartition(*model, blocks);
    EXPECT_THAT(namesOf(blocks), testing::ElementsAre(testing::HasSubstr("stem"), "blocks.0", "blocks.1",
                                                      "blocks.2", "blocks.3", "blocks.4", "blocks.5",
                                                      testing::HasSubstr("last"), testing::HasSubstr("fc")));
    for (std::size_t b = 1; b <= 6; ++b)
        EXPECT_EQ(blocks[b].layers.size(), 3u);
    for (const ReconstructionBlock &block : blocks)
        EXPECT_EQ(block.outputs.size(), 1u) << block.name;
}

TEST(ReconstructionBlocks, VisionTransformerHasItsBlocks) {
    const auto model = sample("glyph-vit.onnx");
    const auto blocks = blocksOf(*model);
    expectPartition(*model, blocks);
    EXPECT_THAT(namesOf(blocks),
                testing::ElementsAre(testing::HasSubstr("conv1"), testing::HasSubstr("conv2"),
                                     testing::HasSubstr("proj"), "blocks.0", "blocks.1", "blocks.2",
                                     "blocks.3", testing::HasSubstr("head")));
    for (const ReconstructionBlock &block : blocks)
        EXPECT_EQ(block.outputs.size(), 1u) << block.name;
}

TEST(ReconstructionBlocks, LanguageModelHasItsLayers) {
    const auto model = sample("tiny-llama.onnx");
    const auto blocks = blocksOf(*model);
    expectPartition(*model, blocks);
    EXPECT_THAT(namesOf(blocks),
                testing::ElementsAre(testing::HasSubstr("embed_tokens"), "layers.0", "layers.1", "layers.2",
                                     "layers.3", testing::HasSubstr("lm_head")));
    EXPECT_EQ(blocks[1].layers.size(), 7u);
    // The rotary tables and the mask come from before the blocks, the stream is what they hand on.
    const auto tape = GradientTape::create(model, blocks[2].nodes);
    ASSERT_TRUE(tape);
    EXPECT_GT((*tape)->inputs().size(), 2u);
    EXPECT_EQ(blocks[2].outputs, (*tape)->outputs());
}

TEST(ReconstructionBlocks, DiffusionTransformerHasItsBlocks) {
    const auto model = sample("glyph-dit.onnx");
    const auto blocks = blocksOf(*model);
    expectPartition(*model, blocks);
    EXPECT_THAT(namesOf(blocks), testing::Contains("blocks.0"));
    EXPECT_THAT(namesOf(blocks), testing::Contains("blocks.3"));
}

TEST(ReconstructionBlocks, WithoutNamesResidualsStayWhole) {
    const Tensor weight = Tensor::zeros(DType::Float32, Shape{4, 4});
    SmallModel builder;
    builder.input("x", DType::Float32, Shape{2, 4});
    for (const char *name : {"w0", "w1", "w2", "w3"})
        builder.constant(name, weight);
    const auto model = builder.node("MatMul", {"x", "w0"}, {"a"})
                           .node("Relu", {"a"}, {"b"})
                           .node("MatMul", {"b", "w1"}, {"c"})
                           .node("Relu", {"c"}, {"d"})
                           .node("MatMul", {"d", "w2"}, {"e"})
                           .node("Add", {"b", "e"}, {"f"})
                           .node("MatMul", {"f", "w3"}, {"g"})
                           .build();
    const auto blocks = blocksOf(*model);
    expectPartition(*model, blocks);
    ASSERT_EQ(blocks.size(), 3u);
    EXPECT_EQ(blocks[0].nodes, (NodeRange{0, 2})); // with its activation
    EXPECT_EQ(blocks[1].nodes, (NodeRange{2, 6}));
    EXPECT_EQ(blocks[1].layers.size(), 2u);
    EXPECT_EQ(blocks[2].nodes, (NodeRange{6, 7}));
}

/// What is measured at the end of the last block of x → MatMul → last.
std::string lastOutput(const std::string &operation, std::vector<std::string> inputs,
                       std::vector<std::string> outputs, std::map<std::string, Attribute> attributes) {
    SmallModel builder;
    builder.input("x", DType::Float32, Shape{2, 4}).ints("k", {1});
    builder.constant("w", Tensor::zeros(DType::Float32, Shape{4, 4})).node("MatMul", {"x", "w"}, {"logits"});
    if (outputs.size() > 1)
        builder.node(operation, inputs, outputs, std::move(attributes)).node("Identity", {outputs[1]}, {"y"});
    else
        builder.node(operation, inputs, outputs, std::move(attributes));
    const auto model = builder.build();
    const auto blocks = blocksOf(*model);
    expectPartition(*model, blocks);
    return blocks.size() == 1 && blocks[0].outputs.size() == 1 ? model->graph.value(blocks[0].outputs[0]).name
                                                               : "";
}

TEST(ReconstructionBlocks, EndWhereNumbersAreStillFloat32) {
    const auto cast = [](DType type) {
        return lastOutput("Cast", {"logits"}, {"y"}, {{"to", static_cast<std::int64_t>(type)}});
    };
    EXPECT_EQ(cast(DType::Float32), "y");
    for (const DType type : {DType::Float16, DType::Float64, DType::Int32})
        EXPECT_EQ(cast(type), "logits");
    EXPECT_EQ(lastOutput("ArgMax", {"logits"}, {"y"}, {{"axis", std::int64_t{1}}}), "logits");
    EXPECT_EQ(lastOutput("TopK", {"logits", "k"}, {"largest", "places"}, {}), "logits");
    EXPECT_EQ(lastOutput("Softmax", {"logits"}, {"y"}, {}), "y");
}

TEST(ReconstructionBlocks, NoLayersGiveNoBlocks) {
    const auto model = SmallModel().input("x", DType::Float32, Shape{2}).node("Exp", {"x"}, {"y"}).build();
    EXPECT_TRUE(blocksOf(*model).empty());
}

} // namespace
} // namespace qs
