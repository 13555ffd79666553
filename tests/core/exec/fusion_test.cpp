#include "core/tensor/convert.h"
#include "tests/core/exec/small_model.h"
#include "tests/support/lcg.h"

namespace qs {
namespace {

std::vector<float> normals(std::size_t count, std::uint32_t seed) {
    return test::toFloats(test::lcgNormals(count, seed));
}

/// Sums in another order: equal but for the last digits. NaN and Inf are where they were.
void expectClose(const std::vector<float> &found, const std::vector<float> &expected) {
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        if (std::isfinite(expected[i]))
            EXPECT_NEAR(found[i], expected[i], 1e-4) << i;
        else
            EXPECT_EQ(std::to_string(found[i]), std::to_string(expected[i])) << i;
    }
}

constexpr std::int64_t kChannels = 6, kEdge = 7;

/// x → Conv → BatchNormalization → Clip or Relu → Neg; the nodes 0 to 3.
struct ConvChain {
    std::int64_t group = 1, stride = 1, kernel = 3;
    std::string limits = "Clip";
    bool bias = false;
    DType type = DType::Float32;

    std::shared_ptr<const Model> build() const {
        const std::int64_t perOut = kChannels / group;
        SmallModel model;
        model.input("x", type, {2, kChannels, kEdge, kEdge})
            .floats("w", {kChannels, perOut, kernel, kernel},
                    normals(static_cast<std::size_t>(kChannels * perOut * kernel * kernel), 5))
            .floats("b", {kChannels}, {0, 1, -1, 2, 0.5f, -3})
            .floats("scale", {kChannels}, {1, 2, -1, 0.5f, 0, 3})
            .floats("shift", {kChannels}, {0, -1, 1, 0.25f, 1, -0.5f})
            .floats("mean", {kChannels}, {0.1f, 0, -0.5f, 1, 0, 2})
            .floats("variance", {kChannels}, {1, 0.5f, 2, 4, 1, 0.1f})
            .floats("low", {}, {-0.25f})
            .floats("high", {}, {1.5f})
            .node("Conv", bias ? std::vector<std::string>{"x", "w", "b"} : std::vector<std::string>{"x", "w"},
                  {"product"},
                  {{"group", group},
                   {"strides", std::vector<std::int64_t>{stride, stride}},
                   {"pads", std::vector<std::int64_t>(4, kernel / 2)}})
            .node("BatchNormalization", {"product", "scale", "shift", "mean", "variance"}, {"normal"})
            .node(limits,
                  limits == "Clip" ? std::vector<std::string>{"normal", "low", "high"}
                                   : std::vector<std::string>{"normal"},
                  {"limited"})
            .node("Neg", {"limited"}, {"y"});
        return model.build();
    }
};

Tensor image() {
    Tensor x = floatTensor({2, kChannels, kEdge, kEdge}, normals(2 * kChannels * kEdge * kEdge, 3));
    x.mutableValues<float>()[10] = std::numeric_limits<float>::infinity();
    return x;
}

/// Bits, so that NaN equals itself.
std::vector<std::uint32_t> bitsOf(const Tensor &tensor) {
    std::vector<std::uint32_t> bits;
    for (const float value : tensor.values<float>())
        bits.push_back(std::bit_cast<std::uint32_t>(value));
    return bits;
}

TEST(Fusion, GivesTheBitsOfNodeByNode) {
    for (const ConvChain &chain : {ConvChain{}, ConvChain{.kernel = 1}, ConvChain{.group = 2, .bias = true},
                                   ConvChain{.group = kChannels}, ConvChain{.group = kChannels, .stride = 2},
                                   ConvChain{.group = kChannels, .stride = 3, .limits = "Relu"}}) {
        const auto model = chain.build();
        const auto executor = *Executor::create(model);
        const Tensor fused = runOne(*executor, {image()});
        PassOptions tapped; // a tap on every value: nothing can be fused
        for (std::size_t id = 0; id < model->graph.values().size(); ++id)
            tapped.taps[static_cast<ValueId>(id)] = [](const Tensor &) {};
        EXPECT_EQ(bitsOf(fused), bitsOf(runOne(*executor, {image()}, tapped)));
        const auto reference = *Executor::create(model, {.useOneDnn = false});
        expectClose(floatsOf(fused), floatsOf(runOne(*reference, {image()})));
    }
}

std::shared_ptr<const Model> productAndBias(DType type) {
    return SmallModel()
        .input("x", type, {2, 8})
        .floats("w", {8, 16}, normals(128, 5))
        .floats("b", {16}, normals(16, 6))
        .node("MatMul", {"x", "w"}, {"product"})
        .node("Add", {"product", "b"}, {"y"})
        .build();
}

/// Constants of float32 beside activations of half precision, which other runtimes refuse.
TEST(Fusion, TakesActivationsOfHalfPrecision) {
    const auto expectSame = [](const auto &build, const Tensor &x) {
        const Tensor expected = runOne(**Executor::create(build(DType::Float32)), {x});
        const Tensor half =
            runOne(**Executor::create(build(DType::Float16)), {*castTensor(x, DType::Float16)});
        ASSERT_EQ(half.dtype(), DType::Float16);
        const Tensor found = *toFloat32(half);
        for (std::size_t i = 0; i < expected.values<float>().size(); ++i)
            EXPECT_NEAR(found.values<float>()[i], expected.values<float>()[i], 0.05) << i;
    };
    expectSame([](DType type) { return ConvChain{.type = type}.build(); },
               floatTensor({2, kChannels, kEdge, kEdge}, normals(2 * kChannels * kEdge * kEdge, 3)));
    expectSame(productAndBias, floatTensor({2, 8}, normals(16, 3)));
}

TEST(Fusion, TapsSeeTheValuesBetween) {
    const auto model = ConvChain{}.build();
    const auto fast = *Executor::create(model), reference = *Executor::create(model, {.useOneDnn = false});
    for (const char *name : {"product", "normal", "limited"}) {
        std::vector<std::vector<float>> seen;
        PassOptions options;
        options.taps[model->graph.findValue(name)] = [&](const Tensor &t) { seen.push_back(floatsOf(t)); };
        runOne(*fast, {image()}, options);
        runOne(*reference, {image()}, options);
        ASSERT_EQ(seen.size(), 2u) << name;
        expectClose(seen[0], seen[1]);
    }
}

TEST(Fusion, SubstitutionsReachEveryNodeOfTheChain) {
    const auto model = ConvChain{}.build();
    const auto fast = *Executor::create(model), reference = *Executor::create(model, {.useOneDnn = false});
    const Tensor plain = runOne(*fast, {image()});
    const Tensor weight = *model->graph.constant(model->graph.findValue("w"));
    PassOptions weights, parameters, activations;
    weights.weights[{0, 1}] =
        floatTensor(weight.shape(), normals(static_cast<std::size_t>(weight.numel()), 9));
    parameters.weights[{1, 1}] = floatTensor({kChannels}, {1, 1, 1, 1, 1, 1});
    activations.activations[{2, 0}] = [](const Tensor &t) -> Result<Tensor> {
        return floatTensor(t.shape(), std::vector<float>(static_cast<std::size_t>(t.numel()), 0.75f));
    };
    for (const PassOptions *options : {&weights, &parameters, &activations}) {
        const Tensor found = runOne(*fast, {image()}, *options);
        EXPECT_NE(bitsOf(plain), bitsOf(found));
        expectClose(floatsOf(found), floatsOf(runOne(*reference, {image()}, *options)));
    }
}

TEST(Fusion, StopsWhereAPassIsCut) {
    const auto executor = *Executor::create(ConvChain{}.build());
    const Tensor whole = runOne(*executor, {image()});
    for (NodeId cut = 1; cut < 4; ++cut) {
        auto state = executor->begin({image()}, {});
        ASSERT_TRUE(state);
        ASSERT_TRUE(executor->advance(*state, cut, {}, {}));
        EXPECT_EQ(state->nextNode(), cut);
        const auto rest = executor->finish(std::move(*state), {}, {});
        ASSERT_TRUE(rest);
        EXPECT_EQ(bitsOf(rest->front()), bitsOf(whole)) << cut;
    }
}

TEST(Fusion, KeepsValuesThatOthersRead) {
    SmallModel model; // the convolution feeds two readers
    model.input("x", DType::Float32, {1, 1, 2, 2})
        .floats("w", {1, 1, 1, 1}, {-1})
        .node("Conv", {"x", "w"}, {"product"})
        .node("Relu", {"product"}, {"positive"})
        .node("Sub", {"positive", "product"}, {"y"});
    const Tensor y = runOne(*model.executor(), {floatTensor({1, 1, 2, 2}, {1, -2, 3, -4})});
    EXPECT_THAT(floatsOf(y), testing::ElementsAre(1, 0, 3, 0));
}

} // namespace
} // namespace qs
