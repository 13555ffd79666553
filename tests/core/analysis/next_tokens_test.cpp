#include "core/analysis/next_tokens.h"

#include "core/analysis/output_classes.h"
#include "core/tensor/convert.h"
#include "tests/core/exec/small_model.h"
#include "tests/support/lcg.h"

namespace qs {
namespace {

constexpr std::int64_t kVocabulary = 7, kWidth = 4;

Tensor normals(Shape shape, std::uint32_t seed) {
    const auto count = static_cast<std::size_t>(shape.numel());
    return floatTensor(std::move(shape), test::toFloats(test::lcgNormals(count, seed)));
}

/// tokens [2, 5] → embedding → mean over positions if `looksAhead` → classes
std::optional<std::size_t> predictedBy(bool looksAhead, std::int64_t classes, DType type = DType::Int64) {
    SmallModel model;
    model.input("mask", DType::Int64, {2, 1})
        .input("tokens", type, {2, 5})
        .constant("table", normals({kVocabulary, kWidth}, 3))
        .constant("head", normals({kWidth, classes}, 5))
        .ints("axis", {1})
        .node("Gather", {"table", "tokens"}, {"embedded"});
    if (looksAhead)
        model.node("ReduceMean", {"embedded"}, {"mean"}, {{"axes", std::vector<std::int64_t>{1}}})
            .node("Add", {"embedded", "mean"}, {"mixed"})
            .node("MatMul", {"mixed", "head"}, {"logits"});
    else
        model.node("MatMul", {"embedded", "head"}, {"logits"});
    const auto executor = model.executor();
    const Tensor tokens =
        Tensor::fromValues<std::int64_t>({2, 5}, std::vector<std::int64_t>{0, 1, 2, 1, 0, 1, 0, 2, 2, 1});
    const std::vector<Tensor> inputs = {
        Tensor::fromValues<std::int64_t>({2, 1}, std::vector<std::int64_t>{1, 1}), *castTensor(tokens, type)};
    const auto outputs = executor->run(inputs, {}, {});
    EXPECT_TRUE(outputs) << outputs.error().text();
    return *predictedInput(*executor, inputs, outputs->front(), 0, {});
}

TEST(PredictedInput, AreTheTokensOfACausalModel) {
    EXPECT_EQ(predictedBy(false, kVocabulary), 1U);
    EXPECT_EQ(predictedBy(false, kVocabulary + 1), 1U) << "a padded head";
    EXPECT_EQ(predictedBy(false, kVocabulary, DType::Int32), 1U);
}

TEST(PredictedInput, AnEncoderThatSeesWhatFollowsHasNone) {
    EXPECT_EQ(predictedBy(true, kVocabulary), std::nullopt);
}

TEST(PredictedInput, ATaggerWithFewerClassesThanTokensHasNone) {
    EXPECT_EQ(predictedBy(false, 3), std::nullopt);
}

TEST(TargetTokens, PaddingIsNone) {
    SmallModel model;
    model.input("tokens", DType::Int64, {1, 4})
        .input("attention_mask", DType::Int64, {1, 4})
        .node("Add", {"tokens", "attention_mask"}, {"sum"});
    const auto built = model.build();
    const std::vector<Tensor> inputs = {
        Tensor::fromValues<std::int64_t>({1, 4}, std::vector<std::int64_t>{5, 6, 0, 0}),
        Tensor::fromValues<std::int64_t>({1, 4}, std::vector<std::int64_t>{1, 1, 1, 0})};
    const Tensor targets = *targetTokens(built->graph, inputs, 0);
    EXPECT_THAT(targets.values<std::int64_t>(), testing::ElementsAre(5, 6, 0, -1));
}

/// Whether the output of x → first → second may be one of classes.
bool mayBeClasses(const std::string &first, const std::string &second, Shape weight) {
    SmallModel model;
    model.input("x", DType::Float32, {2, 3, 8}).constant("w", normals(std::move(weight), 3));
    model.node(first, {"x", "w"}, {"a"}).node(second, {"a"}, {"y"});
    const auto built = model.build();
    return mayHaveClasses(built->graph, built->graph.outputs().front());
}

TEST(MayHaveClasses, SigmoidsStandAloneAndConvolutionsHaveChannels) {
    EXPECT_TRUE(mayBeClasses("MatMul", "Identity", {8, 5}));
    EXPECT_TRUE(mayBeClasses("MatMul", "Softmax", {8, 5}));
    EXPECT_FALSE(mayBeClasses("MatMul", "Sigmoid", {8, 5}));
    EXPECT_FALSE(mayBeClasses("Conv", "Relu", {4, 3, 1}));
    EXPECT_TRUE(mayBeClasses("Conv", "Transpose", {4, 3, 1}));
    EXPECT_TRUE(mayBeClasses("Conv", "Flatten", {4, 3, 8}));
}

} // namespace
} // namespace qs
