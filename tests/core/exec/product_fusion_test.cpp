#include "tests/core/exec/small_model.h"
#include "tests/support/lcg.h"

namespace qs {
namespace {

constexpr std::int64_t kRows = 70, kDepth = 24, kColumns = 48;

Tensor normals(Shape shape, std::uint32_t seed) {
    const auto count = static_cast<std::size_t>(shape.numel());
    return floatTensor(std::move(shape), test::toFloats(test::lcgNormals(count, seed)));
}

/// x → MatMul → Add → what exporters write for GELU or SiLU → Neg.
std::shared_ptr<const Model> product(const std::string &activation) {
    SmallModel model;
    model.input("x", DType::Float32, {2, kRows, kDepth})
        .constant("w", normals({kDepth, kColumns}, 5))
        .constant("b", normals({kColumns}, 7))
        .floats("root", {}, {1.41421354f})
        .floats("one", {}, {1})
        .floats("half", {}, {0.5f})
        .node("MatMul", {"x", "w"}, {"product"})
        .node("Add", {"b", "product"}, {"sum"});
    if (activation == "Gelu")
        model.node("Div", {"sum", "root"}, {"scaled"})
            .node("Erf", {"scaled"}, {"erf"})
            .node("Add", {"erf", "one"}, {"weight"})
            .node("Mul", {"sum", "weight"}, {"twice"})
            .node("Mul", {"twice", "half"}, {"active"});
    else
        model.node("Sigmoid", {"sum"}, {"weight"}).node("Mul", {"sum", "weight"}, {"active"});
    model.node("Neg", {"active"}, {"y"});
    return model.build();
}

TEST(ProductFusion, GivesTheBitsOfNodeByNode) {
    const Tensor x = normals({2, kRows, kDepth}, 3);
    for (const char *activation : {"Gelu", "Silu"}) {
        const auto model = product(activation);
        const auto executor = *Executor::create(model);
        const std::vector<float> fused = floatsOf(runOne(*executor, {x}));
        // One tap anywhere in the chain: nothing of it is fused.
        for (const char *name : {"product", "sum", "weight"}) {
            std::vector<float> seen;
            PassOptions tapped;
            tapped.taps[model->graph.findValue(name)] = [&](const Tensor &t) { seen = floatsOf(t); };
            EXPECT_EQ(fused, floatsOf(runOne(*executor, {x}, tapped))) << activation << ' ' << name;
            EXPECT_EQ(seen.size(), fused.size());
        }
        const auto reference = *Executor::create(model, {.useOneDnn = false});
        EXPECT_THAT(fused, testing::Pointwise(testing::FloatNear(2e-5f), floatsOf(runOne(*reference, {x}))));
    }
}

TEST(ProductFusion, SubstitutionsReachEveryNode) {
    const Tensor x = normals({2, kRows, kDepth}, 3);
    const auto model = product("Gelu");
    const auto fast = *Executor::create(model), reference = *Executor::create(model, {.useOneDnn = false});
    PassOptions weight, bias, half;
    weight.weights[{0, 1}] = normals({kDepth, kColumns}, 9);
    bias.weights[{1, 0}] = normals({kColumns}, 11);
    half.weights[{6, 1}] = floatTensor({}, {0.25f});
    const std::vector<float> plain = floatsOf(runOne(*fast, {x}));
    for (const PassOptions *options : {&weight, &bias, &half}) {
        const std::vector<float> found = floatsOf(runOne(*fast, {x}, *options));
        EXPECT_NE(plain, found);
        EXPECT_THAT(found, testing::Pointwise(testing::FloatNear(2e-5f),
                                              floatsOf(runOne(*reference, {x}, *options))));
    }
}

TEST(ProductFusion, KeepsValuesThatOthersRead) {
    SmallModel model; // the sum is read behind the chain, too
    model.input("x", DType::Float32, {1, 16})
        .constant("w", normals({16, 16}, 5))
        .constant("b", normals({16}, 7))
        .node("MatMul", {"x", "w"}, {"product"})
        .node("Add", {"product", "b"}, {"sum"})
        .node("Sigmoid", {"sum"}, {"weight"})
        .node("Mul", {"sum", "weight"}, {"active"})
        .node("Sub", {"active", "sum"}, {"y"});
    const Tensor x = normals({1, 16}, 3);
    const auto built = model.build();
    EXPECT_THAT(floatsOf(runOne(**Executor::create(built), {x})),
                testing::Pointwise(testing::FloatNear(1e-5f),
                                   floatsOf(runOne(**Executor::create(built, {.useOneDnn = false}), {x}))));
}

} // namespace
} // namespace qs
