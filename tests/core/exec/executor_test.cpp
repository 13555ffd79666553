#include "tests/core/exec/small_model.h"

namespace qs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// x [2, 2] · w → + b → Relu; w and b constant.
SmallModel linearModel() {
    SmallModel model;
    model.input("x", DType::Float32, {2, 2})
        .floats("w", {2, 2}, {1, 2, 3, 4})
        .floats("b", {2}, {-10, 1})
        .node("MatMul", {"x", "w"}, {"product"})
        .node("Add", {"product", "b"}, {"sum"})
        .node("Relu", {"sum"}, {"y"});
    return model;
}

TEST(Executor, RunsALinearLayer) {
    const auto executor = linearModel().executor();
    ASSERT_TRUE(executor);
    const Tensor y = runOne(*executor, {floatTensor({2, 2}, {1, 1, 2, 0})});
    EXPECT_EQ(y.shape(), (Shape{2, 2}));
    EXPECT_THAT(floatsOf(y), ElementsAre(0, 7, 0, 5));
}

TEST(Executor, NamesInputThatDoesNotFit) {
    const auto executor = linearModel().executor();
    const auto shape = executor->run({floatTensor({3, 2}, {1, 2, 3, 4, 5, 6})}, {}, {});
    ASSERT_FALSE(shape);
    EXPECT_EQ(shape.error().message, "input 'x' must be float32 [2, 2], found float32 [3, 2]");
    const auto type = executor->run({Tensor::zeros(DType::Int64, {2, 2})}, {}, {});
    ASSERT_FALSE(type);
    EXPECT_EQ(type.error().message, "input 'x' must be float32 [2, 2], found int64 [2, 2]");
    const auto number = executor->run({}, {}, {});
    ASSERT_FALSE(number);
    EXPECT_EQ(number.error().message, "the model has 1 inputs, 0 were given");
}

TEST(Executor, NamesNodeWhoseOperandsDoNotFit) {
    SmallModel model;
    model.input("x", DType::Float32, {-1, 2}).floats("b", {3}, {1, 2, 3}).node("Add", {"x", "b"}, {"y"});
    const auto result = model.executor()->run({floatTensor({1, 2}, {1, 2})}, {}, {});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().where, "node '/y/Add' (Add)");
    EXPECT_THAT(result.error().message, HasSubstr("[1, 2] and [3]"));
}

TEST(Executor, ListsMissingOperatorsWithTheirNodes) {
    SmallModel model;
    model.input("x", DType::Float32, {1})
        .node("Mystery", {"x"}, {"a"})
        .node("Mystery", {"a"}, {"b"})
        .node("Celu", {"b"}, {"c"}, {{"novelty", std::int64_t{1}}});
    const auto built = model.build();
    const auto missing = Executor::missingOperators(built->graph);
    ASSERT_EQ(missing.size(), 2u);
    EXPECT_EQ(missing[0].opType, "Mystery");
    EXPECT_EQ(missing[0].opset, 17);
    EXPECT_EQ(missing[0].reason, "not implemented");
    EXPECT_THAT(missing[0].nodes, ElementsAre("/a/Mystery", "/b/Mystery"));
    EXPECT_EQ(missing[1].reason, "attribute novelty is not supported");
    const auto executor = Executor::create(built);
    ASSERT_FALSE(executor);
    EXPECT_EQ(executor.error().code, ErrorCode::Unsupported);
    EXPECT_THAT(executor.error().message, HasSubstr("Mystery (2 nodes, first '/a/Mystery')"));
}

TEST(Executor, SubstitutesWeightsWithoutTouchingTheModel) {
    const auto executor = linearModel().executor();
    PassOptions options;
    options.weights[{0, 1}] = floatTensor({2, 2}, {10, 20, 30, 40});
    const Tensor x = floatTensor({2, 2}, {1, 1, 2, 0});
    EXPECT_THAT(floatsOf(runOne(*executor, {x}, options)), ElementsAre(30, 61, 10, 41));
    EXPECT_THAT(floatsOf(runOne(*executor, {x})), ElementsAre(0, 7, 0, 5));
    options.weights[{0, 1}] = floatTensor({1, 2}, {1, 2});
    EXPECT_THAT(executor->run({x}, options, {}).error().message, HasSubstr("has shape [1, 2], not [2, 2]"));
}

TEST(Executor, TransformsActivationsAndTapsValues) {
    const auto built = linearModel().build();
    const auto executor = *Executor::create(built);
    PassOptions options;
    options.activations[{1, 0}] = [](const Tensor &product) -> Result<Tensor> {
        return floatTensor(product.shape(),
                           std::vector<float>(static_cast<std::size_t>(product.numel()), 100));
    };
    std::map<std::string, std::vector<float>> seen;
    for (const char *name : {"x", "w", "product", "sum", "y"})
        options.taps[built->graph.findValue(name)] = [&seen, name](const Tensor &t) {
            seen[name] = floatsOf(t);
        };
    runOne(*executor, {floatTensor({2, 2}, {1, 1, 2, 0})}, options);
    EXPECT_THAT(seen["x"], ElementsAre(1, 1, 2, 0));
    EXPECT_THAT(seen["w"], ElementsAre(1, 2, 3, 4));
    EXPECT_THAT(seen["product"], ElementsAre(4, 6, 2, 4));
    EXPECT_THAT(seen["sum"], ElementsAre(90, 101, 90, 101));
    EXPECT_THAT(seen["y"], ElementsAre(90, 101, 90, 101));
}

TEST(Executor, KeepsTappedTensorsWhenLaterNodesCouldOverwriteThem) {
    constexpr std::int64_t kSize = 5000; // large enough for pooled blocks, which are reused in place
    SmallModel model;
    model.input("x", DType::Float32, {kSize})
        .node("Neg", {"x"}, {"a"})
        .node("Exp", {"a"}, {"b"})
        .node("Neg", {"b"}, {"c"});
    const auto built = model.build();
    const auto executor = *Executor::create(built);
    Tensor kept;
    PassOptions options;
    options.taps[built->graph.findValue("a")] = [&](const Tensor &t) { kept = t; };
    const Tensor x = Tensor::fromValues<float>({kSize}, std::vector<float>(kSize, 1.0f));
    const Tensor c = runOne(*executor, {x}, options);
    EXPECT_EQ(x.values<float>()[0], 1.0f);
    EXPECT_EQ(kept.values<float>()[kSize - 1], -1.0f);
    EXPECT_NEAR(c.values<float>()[0], -std::exp(-1.0f), 1e-6);
}

TEST(Executor, PrefixReuseEqualsFullRun) {
    const auto executor = linearModel().executor();
    const Tensor x = floatTensor({2, 2}, {1, 1, 2, 0});
    PassOptions options;
    options.activations[{1, 0}] = [](const Tensor &) -> Result<Tensor> {
        return floatTensor({2, 2}, {1, 2, 30, 40});
    };
    auto state = executor->begin({x}, {});
    ASSERT_TRUE(state);
    ASSERT_TRUE(executor->advance(*state, 1, {}, {}));
    EXPECT_EQ(state->nextNode(), 1);
    for (int repeat = 0; repeat < 2; ++repeat) {
        const auto rest = executor->finish(*state, options, {});
        ASSERT_TRUE(rest);
        EXPECT_EQ(floatsOf(rest->front()), floatsOf(runOne(*executor, {x}, options)));
    }
    EXPECT_EQ(floatsOf(executor->finish(*state, {}, {})->front()), floatsOf(runOne(*executor, {x})));
}

TEST(Executor, RunsFoldedNodesAgainWhenTheirOperandsAreSubstituted) {
    SmallModel model;
    model.input("x", DType::Float32, {2})
        .floats("w", {2}, {1, 2})
        .node("Neg", {"w"}, {"minus"})
        .node("Exp", {"minus"}, {"folded"})
        .node("Mul", {"x", "folded"}, {"y"});
    const auto built = model.build();
    const auto executor = *Executor::create(built);
    const Tensor x = floatTensor({2}, {1, 1});
    std::vector<float> seen;
    PassOptions options;
    options.taps[built->graph.findValue("folded")] = [&](const Tensor &t) { seen = floatsOf(t); };
    EXPECT_NEAR(runOne(*executor, {x}, options).values<float>()[1], std::exp(-2.0f), 1e-6);
    EXPECT_NEAR(seen.at(1), std::exp(-2.0f), 1e-6);
    options.weights[{0, 0}] = floatTensor({2}, {0, 0});
    EXPECT_THAT(floatsOf(runOne(*executor, {x}, options)), ElementsAre(1, 1));
    EXPECT_THAT(seen, ElementsAre(1, 1));
    EXPECT_NEAR(runOne(*executor, {x}).values<float>()[1], std::exp(-2.0f), 1e-6);
}

TEST(Executor, NeverFoldsLayers) {
    SmallModel model; // both operands of the layer are constant
    model.input("x", DType::Float32, {1, 2})
        .floats("c", {1, 2}, {1, 1})
        .floats("w", {2, 2}, {1, 2, 3, 4})
        .node("MatMul", {"c", "w"}, {"product"})
        .node("Add", {"x", "product"}, {"y"});
    const auto executor = model.executor();
    PassOptions options;
    options.weights[{0, 1}] = floatTensor({2, 2}, {0, 0, 0, 1});
    EXPECT_THAT(floatsOf(runOne(*executor, {floatTensor({1, 2}, {0, 0})}, options)), ElementsAre(0, 1));
}

TEST(Executor, StopsWhenCancelled) {
    const auto executor = linearModel().executor();
    std::stop_source source;
    source.request_stop();
    RunContext ctx;
    ctx.stop = source.get_token();
    const auto result = executor->run({floatTensor({2, 2}, {1, 1, 2, 0})}, {}, ctx);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::Cancelled);
}

TEST(Executor, RefusesSizesThatDoNotFitIntoMemory) {
    SmallModel model;
    model.input("shape", DType::Int64, {2}).node("ConstantOfShape", {"shape"}, {"y"});
    const auto executor = model.executor();
    for (const std::int64_t dim : {std::int64_t{1} << 31, std::int64_t{1} << 62}) {
        const std::int64_t dims[] = {dim, dim};
        const auto result = executor->run({Tensor::fromValues<std::int64_t>({2}, dims)}, {}, {});
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, ErrorCode::OutOfMemory) << result.error().text();
    }
}

TEST(Executor, OutputsWithoutANameNeedNotBeComputed) {
    SmallModel model;
    model.input("x", DType::Float32, {1, 1});
    for (const std::string name : {"scale", "bias", "mean", "variance"})
        model.floats(name, {1}, {name == "variance" || name == "scale" ? 1.0F : 0.0F});
    model.node("BatchNormalization", {"x", "scale", "bias", "mean", "variance"}, {"y", "", "", "", ""},
               {{"epsilon", 0.0}});
    EXPECT_EQ(floatsOf(runOne(*model.executor(), {floatTensor({1, 1}, {3})})), (std::vector<float>{3}));
}

// torch.onnx.export(training=TrainingMode.PRESERVE) of a model that nobody put into evaluation mode.
TEST(Executor, TrainingModeRunsWhereItDropsNothingElseSaysWhatToDo) {
    const auto model = [](float ratio) {
        const auto truth = Tensor::fromValues<std::uint8_t>({}, std::vector<std::uint8_t>{1});
        SmallModel small;
        small.input("x", DType::Float32, {2}).floats("ratio", {}, {ratio});
        small.constant("training", Tensor::wrap(DType::Bool, {}, truth.storage()));
        return small.node("Dropout", {"x", "ratio", "training"}, {"y"}).build();
    };
    const auto none = Executor::create(model(0));
    ASSERT_TRUE(none) << none.error().text();
    EXPECT_EQ(floatsOf(runOne(**none, {floatTensor({2}, {1, 2})})), (std::vector<float>{1, 2}));
    const auto some = Executor::create(model(0.5F));
    ASSERT_FALSE(some);
    EXPECT_THAT(some.error().text(), testing::HasSubstr("model.eval()"));
}

} // namespace
} // namespace qs
