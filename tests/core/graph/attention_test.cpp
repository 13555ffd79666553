#include "core/graph/attention.h"

#include "tests/core/exec/small_model.h"
#include "tests/support/sample_run.h"

namespace qs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<const Model> sample(const char *name) {
    return openSample(std::filesystem::path(QS_SAMPLE_DATA) / name);
}

std::vector<std::string> layerNames(const Model &model, const AttentionBlock &block) {
    std::vector<std::string> names;
    for (const LayerId id : block.layers)
        names.push_back(model.layers[static_cast<std::size_t>(id)].name);
    return names;
}

std::string valueName(const Model &model, ValueId id) {
    return id == kNoValue ? "" : model.graph.value(id).name;
}

/// Q, K and V as graph inputs [heads, tokens, width], up to the scores.
SmallModel scoresOfInputs() {
    SmallModel model;
    model.input("q", DType::Float32, {2, 3, 4})
        .input("k", DType::Float32, {2, 3, 4})
        .input("v", DType::Float32, {2, 3, 4})
        .node("Transpose", {"k"}, {"kt"}, {{"perm", std::vector<std::int64_t>{0, 2, 1}}})
        .node("MatMul", {"q", "kt"}, {"scores"});
    return model;
}

TEST(FindAttention, GlyphVitHasFourBlocksOfFourHeads) {
    const auto model = sample("glyph-vit.onnx");
    const AttentionSearch found = findAttention(*model);
    ASSERT_EQ(found.blocks.size(), 4U);
    EXPECT_TRUE(found.nearMisses.empty());
    for (std::size_t i = 0; i < 4; ++i) {
        const AttentionBlock &block = found.blocks[i];
        const std::string prefix = "m.blocks." + std::to_string(i) + ".attn";
        EXPECT_EQ(block.name, prefix);
        EXPECT_EQ(block.heads, 4);
        EXPECT_EQ(block.kvHeads, 4);
        EXPECT_EQ(block.headWidth, 32);
        EXPECT_FALSE(block.grouped);
        EXPECT_EQ(block.mask, AttentionMask::None);
        EXPECT_NEAR(block.scale.value(), 1 / std::sqrt(32.0), 1e-7);
        EXPECT_THAT(layerNames(*model, block), ElementsAre(prefix + ".qkv", prefix + ".proj"));
    }
    EXPECT_EQ(valueName(*model, found.blocks[0].probabilities), "/m/blocks.0/attn/Softmax_output_0");
    EXPECT_EQ(valueName(*model, found.blocks[0].keyHeads), "/m/blocks.0/attn/Squeeze_1_output_0");
    EXPECT_EQ(found.blockOfLayer(found.blocks[2].layers.front()), 2);
    EXPECT_EQ(found.blockOfLayer(model->findLayer("m.head")->id), -1);
}

TEST(FindAttention, TinyLlamaHasGroupedQueriesAndACausalMask) {
    const auto model = sample("tiny-llama.onnx");
    const AttentionSearch found = findAttention(*model);
    ASSERT_EQ(found.blocks.size(), 4U);
    const AttentionBlock &block = found.blocks[1];
    EXPECT_EQ(block.name, "layers.1.self_attn");
    EXPECT_EQ(block.heads, 4);
    EXPECT_EQ(block.kvHeads, 2);
    EXPECT_EQ(block.headWidth, 64);
    EXPECT_TRUE(block.grouped);
    EXPECT_EQ(block.mask, AttentionMask::Causal);
    EXPECT_DOUBLE_EQ(block.scale.value(), 0.125);
    EXPECT_EQ(valueName(*model, block.keyHeads),
              "/layers.1/self_attn/Add_1_output_0"); // after rotary embedding
    EXPECT_EQ(valueName(*model, block.valueHeads), "/layers.1/self_attn/Transpose_2_output_0");
    EXPECT_THAT(layerNames(*model, block),
                testing::UnorderedElementsAre("layers.1.self_attn.q_proj", "layers.1.self_attn.k_proj",
                                              "layers.1.self_attn.v_proj", "layers.1.self_attn.o_proj"));
}

TEST(FindAttention, GlyphDitHasFourBlocks) {
    const AttentionSearch found = findAttention(*sample("glyph-dit.onnx"));
    ASSERT_EQ(found.blocks.size(), 4U);
    EXPECT_EQ(found.blocks[3].heads, 4);
    EXPECT_EQ(found.blocks[3].mask, AttentionMask::None);
}

TEST(FindAttention, GlyphCnnHasNoneAndTheReportSaysWhatWasLookedFor) {
    const auto model = sample("glyph-cnn.onnx");
    const AttentionSearch found = findAttention(*model);
    EXPECT_TRUE(found.blocks.empty());
    EXPECT_THAT(found.report(model->graph), testing::AllOf(HasSubstr("Softmax"), HasSubstr("0 fit")));
}

TEST(FindAttention, FindsScaleAndMaskInAnyOrder) {
    const std::int64_t size = 3;
    std::vector<float> triangle{0, -1e9f, -1e9f, 0, 0, -1e9f, 0, 0, 0};
    SmallModel small = scoresOfInputs();
    small.floats("mask", {size, size}, triangle)
        .floats("root", {}, {2})
        .node("Add", {"mask", "scores"}, {"masked"})
        .node("Div", {"masked", "root"}, {"scaled"})
        .node("Softmax", {"scaled"}, {"p"}, {{"axis", std::int64_t{-1}}})
        .node("MatMul", {"p", "v"}, {"o"});
    const auto model = small.build();
    const AttentionSearch found = findAttention(*model);
    ASSERT_EQ(found.blocks.size(), 1U);
    EXPECT_EQ(found.blocks[0].mask, AttentionMask::Causal);
    EXPECT_DOUBLE_EQ(found.blocks[0].scale.value(), 0.5);
    EXPECT_EQ(valueName(*model, found.blocks[0].query), "q");
    EXPECT_EQ(valueName(*model, found.blocks[0].keyHeads), "k");
    EXPECT_EQ(valueName(*model, found.blocks[0].valueHeads), "v");
}

TEST(FindAttention, AMaskThatIsNotTriangularIsOther) {
    SmallModel small = scoresOfInputs();
    small.floats("mask", {3, 3}, {0, -1e9f, -1e9f, -1e9f, 0, -1e9f, 0, 0, 0})
        .node("Add", {"scores", "mask"}, {"masked"})
        .node("Softmax", {"masked"}, {"p"})
        .node("MatMul", {"p", "v"}, {"o"});
    EXPECT_EQ(findAttention(*small.build()).blocks.at(0).mask, AttentionMask::Other);
}

TEST(FindAttention, WhereWithABooleanTriangleIsCausal) {
    SmallModel small = scoresOfInputs();
    const std::vector<std::uint8_t> bits{1, 0, 0, 1, 1, 0, 1, 1, 1};
    Tensor allowed = Tensor::allocate(DType::Bool, {3, 3});
    std::copy(bits.begin(), bits.end(), allowed.mutableValues<std::uint8_t>().begin());
    small.constant("allowed", allowed)
        .floats("never", {}, {-1e9f})
        .node("Where", {"allowed", "scores", "never"}, {"masked"})
        .node("Softmax", {"masked"}, {"p"})
        .node("MatMul", {"p", "v"}, {"o"});
    EXPECT_EQ(findAttention(*small.build()).blocks.at(0).mask, AttentionMask::Causal);
}

TEST(FindAttention, NearMatchesSayWhatIsWrong) {
    SmallModel classifier;
    classifier.input("x", DType::Float32, {1, 2})
        .floats("w", {2, 2}, {1, 2, 3, 4})
        .node("MatMul", {"x", "w"}, {"logits"})
        .node("Softmax", {"logits"}, {"y"});
    const auto model = classifier.build();
    const AttentionSearch found = findAttention(*model);
    EXPECT_TRUE(found.blocks.empty());
    EXPECT_EQ(found.softmaxNodes, 1);
    EXPECT_THAT(found.report(model->graph), HasSubstr("constant weight"));

    SmallModel noValues = scoresOfInputs();
    noValues.node("Softmax", {"scores"}, {"p"}).node("Relu", {"p"}, {"y"});
    const auto second = noValues.build();
    EXPECT_THAT(findAttention(*second).report(second->graph), HasSubstr("is read by Relu"));

    SmallModel wrongAxis = scoresOfInputs();
    wrongAxis.node("Softmax", {"scores"}, {"p"}, {{"axis", std::int64_t{1}}})
        .node("MatMul", {"p", "v"}, {"y"});
    const auto third = wrongAxis.build();
    EXPECT_THAT(findAttention(*third).report(third->graph), HasSubstr("last axis"));
}

} // namespace
} // namespace qs
