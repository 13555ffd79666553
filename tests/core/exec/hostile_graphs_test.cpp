#include "core/exec/reference/matmul_shape.h"
#include "core/exec/shape_trace.h"
#include "tests/core/exec/one_operator.h"
#include "tests/core/exec/small_model.h"

#include <numeric>

// Graphs that open and ask for more than a machine has: memory, time, or loops over nothing.

namespace qs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kMebi = std::int64_t{1} << 20;

/// y = sum of `count` expansions of x to a MiB each, of which all exist before the first is added.
SmallModel wideModel(int count) {
    SmallModel model;
    model.input("x", DType::Float32, {1}).ints("shape", {kMebi / 4});
    std::vector<std::string> parts;
    for (int i = 0; i < count; ++i) {
        parts.push_back("part" + std::to_string(i));
        model.node("Expand", {"x", "shape"}, {parts.back()});
    }
    model.node("Sum", parts, {"y"});
    return model;
}

TEST(MemoryBudget, HoldsForAllResultsTogetherAndTellsBothNumbers) {
    const auto pool = BufferPool::create(8 * kMebi);
    EXPECT_TRUE(wideModel(4).executor({.pool = pool})->run({floatTensor({1}, {1})}, {}, {}));
    const auto outputs = wideModel(9).executor({.pool = pool})->run({floatTensor({1}, {1})}, {}, {});
    ASSERT_FALSE(outputs);
    EXPECT_EQ(outputs.error().code, ErrorCode::OutOfMemory);
    EXPECT_THAT(outputs.error().text(), HasSubstr("Expand"));
    EXPECT_THAT(outputs.error().text(), HasSubstr("0.01 GiB may be used"));
    EXPECT_EQ(pool->usedBytes(), 0u) << "a pass that failed gives everything back";
}

TEST(MemoryBudget, CountsOnlyWhatIsStillNeeded) {
    SmallModel model;
    model.input("x", DType::Float32, {1}).ints("shape", {kMebi / 4}).node("Expand", {"x", "shape"}, {"v0"});
    for (int i = 0; i < 20; ++i)
        model.node("Transpose", {"v" + std::to_string(i)}, {"v" + std::to_string(i + 1)});
    EXPECT_TRUE(
        model.executor({.pool = BufferPool::create(3 * kMebi)})->run({floatTensor({1}, {1})}, {}, {}));
}

TEST(MemoryBudget, IsSharedWithSubgraphs) {
    GraphBuilder body;
    body.setOpset("", 17);
    Node expand{"expand", "Expand", "", {body.value("x"), body.value("shape")}, {body.value("big")}, {}};
    ASSERT_TRUE(body.addNode(expand));
    body.addOutput(body.value("big"));
    auto branch = std::move(body).finish({"x", "shape"});
    ASSERT_TRUE(branch) << branch.error().text();
    const auto graph = std::make_shared<const ModelGraph>(std::move(*branch));
    const auto outputs = SmallModel()
                             .input("x", DType::Float32, {1})
                             .ints("shape", {4 * kMebi})
                             .constant("yes", Tensor::scalar(true))
                             .node("If", {"yes"}, {"y"}, {{"then_branch", graph}, {"else_branch", graph}})
                             .executor({.pool = BufferPool::create(8 * kMebi)})
                             ->run({floatTensor({1}, {1})}, {}, {});
    ASSERT_FALSE(outputs);
    EXPECT_EQ(outputs.error().code, ErrorCode::OutOfMemory);
}

TEST(ConstantFolding, KeepsNoMoreThanItsShare) {
    constexpr int kNodes = 8;
    SmallModel model;
    std::vector<std::string> parts;
    model.ints("shape", {15 * kMebi});
    for (int i = 0; i < kNodes; ++i) {
        parts.push_back("part" + std::to_string(i));
        model.node("ConstantOfShape", {"shape"}, {parts.back()});
    }
    model.input("x", DType::Float32, {1}).node("Sum", {"x", parts.front()}, {"y"});
    const auto pool = BufferPool::create();
    const auto executor = model.executor({.pool = pool});
    EXPECT_GT(pool->usedBytes(), std::size_t{4 * 60 * kMebi} - 1) << "small results are still folded";
    EXPECT_LT(pool->usedBytes(), std::size_t{5 * 64 * kMebi});
}

TEST(ConstantFolding, ViewsOfAConstantCostNothing) {
    const auto pool = BufferPool::create();
    SmallModel model;
    model.constant("w", Tensor::zeros(DType::Float32, {15 * kMebi})).ints("flat", {-1});
    std::string last = "w";
    for (int i = 0; i < 10; ++i) {
        const std::string next = "w" + std::to_string(i);
        model.node("Reshape", {last, "flat"}, {next});
        last = next;
    }
    model.node("Identity", {last}, {"y"});
    const auto executor = model.executor({.pool = pool});
    bool same = false;
    PassOptions options;
    options.taps[executor->model().graph.findValue(last)] = [&](const Tensor &tensor) {
        same = tensor.storage() ==
               executor->model().graph.constant(executor->model().graph.findValue("w"))->storage();
    };
    EXPECT_TRUE(executor->run({}, options, {}));
    EXPECT_TRUE(same);
    EXPECT_EQ(pool->usedBytes(), 0u);
}

TEST(Kernels, ThatRunOutOfMemoryAreErrors) {
    const RunContext ctx;
    const auto pool = BufferPool::create();
    KernelCall call{{}, ctx, *pool};
    EXPECT_EQ(errorOf(applyKernel([](KernelCall &) -> Outputs { throw std::bad_alloc(); }, call)),
              ErrorCode::OutOfMemory);
    EXPECT_EQ(errorOf(applyKernel([](KernelCall &) -> Outputs { throw std::length_error(""); }, call)),
              ErrorCode::OutOfMemory);
}

TEST(EmptyTensors, WithEndlessAxesAreRefused) {
    constexpr std::int64_t kEndless = std::int64_t{1} << 60;
    EXPECT_TRUE(checkEmptyAxes({32, 0, 1 << 20}));
    EXPECT_FALSE(checkEmptyAxes({kEndless, 0}));
    const Tensor none = Tensor::zeros(DType::Float32, {0, 3});
    EXPECT_FALSE(
        (OneOperator{"Reshape", 14, {{"allowzero", std::int64_t{1}}}}.run({none, intList({kEndless, 0})})));
    EXPECT_FALSE((OneOperator{"ConstantOfShape"}.run({intList({kEndless, 0})})));
    EXPECT_FALSE((OneOperator{"Expand"}.run({Tensor::zeros(DType::Float32, {0}), intList({kEndless, 0})})));
}

TEST(EmptyTensors, MakeNoListsOfOffsets) {
    // As many empty tuples as are allowed name as many empty slices: 2 GiB of offsets.
    const Tensor tuples = Tensor::zeros(DType::Int64, {1 << 28, 0});
    const auto outputs = OneOperator{"GatherND"}.run({Tensor::zeros(DType::Float32, {3, 0}), tuples});
    ASSERT_FALSE(outputs) << "the result would have 2^28 · 3 · 0 elements";
    const auto rows = OneOperator{"GatherND"}.run({Tensor::zeros(DType::Float32, {0}), tuples});
    ASSERT_TRUE(rows) << rows.error().text();
    EXPECT_EQ(rows->front().shape(), (Shape{1 << 28, 0}));
}

TEST(Nodes, WithOutputsThatTheirOperatorHasNotAreErrors) {
    for (const bool useOneDnn : {false, true}) {
        const auto outputs = SmallModel()
                                 .input("x", DType::Float32, {2})
                                 .node("Relu", {"x"}, {"y", "more"})
                                 .executor({useOneDnn, {}})
                                 ->run({floatTensor({2}, {1, 2})}, {}, {});
        EXPECT_EQ(errorOf(outputs), ErrorCode::InvalidArgument);
    }
}

TEST(Nodes, FusedOnesWithFurtherOutputsAreErrors) {
    const auto outputs = SmallModel()
                             .input("x", DType::Float32, {1, 1, 3, 3})
                             .floats("w", {2, 1, 1, 1}, {1, 1})
                             .node("Conv", {"x", "w"}, {"c"})
                             .node("Relu", {"c"}, {"y", "more"})
                             .executor()
                             ->run({Tensor::zeros(DType::Float32, {1, 1, 3, 3})}, {}, {});
    EXPECT_EQ(errorOf(outputs), ErrorCode::InvalidArgument);
}

/// A graph of one node that names no output, or leaves it out.
TEST(Nodes, WithoutOutputsFuseWithNothing) {
    for (const bool named : {false, true})
        for (const auto &[op, weight] :
             {std::pair("MatMul", Shape{8, 8}), std::pair("Conv", Shape{8, 8, 8})}) {
            GraphBuilder builder;
            builder.setOpset("", 17);
            Node node{"n", op, "", {builder.value("x"), builder.value("w")}, {}, {}};
            if (named)
                node.outputs.push_back(kNoValue);
            builder.addInput(builder.value("x"));
            ASSERT_TRUE(builder.addConstant(builder.value("w"), Tensor::zeros(DType::Float32, weight)));
            ASSERT_TRUE(builder.addNode(std::move(node)));
            builder.addOutput(builder.value("x"));
            auto graph = std::move(builder).finish();
            ASSERT_TRUE(graph);
            auto model = std::make_shared<Model>();
            model->graph = std::move(*graph);
            EXPECT_TRUE(Executor::create(model)) << op;
        }
}

TEST(ShapeTrace, ShapeOfNothingIsNoCrash) {
    GraphBuilder builder;
    builder.setOpset("", 17);
    ASSERT_TRUE(builder.addNode({"n", "Shape", "", {}, {builder.value("y")}, {}}));
    builder.addOutput(builder.value("y"));
    const auto graph = std::move(builder).finish();
    ASSERT_TRUE(graph);
    const auto trace = traceShapes(*graph, {}, {});
    ASSERT_TRUE(trace) << trace.error().text();
    EXPECT_EQ(trace->gaps.size(), 1u);
}

TEST(HostileOperands, TopKOfNothing) {
    const auto outputs =
        OneOperator{"TopK", 11, {}, 2}.run({Tensor::zeros(DType::Float32, {3, 0}), intList({0})});
    ASSERT_TRUE(outputs) << outputs.error().text();
    EXPECT_EQ(outputs->front().shape(), (Shape{3, 0}));
}

TEST(HostileOperands, UnsqueezeByMoreAxesThanATensorCanHave) {
    std::vector<std::int64_t> axes(65);
    std::iota(axes.begin(), axes.end(), 0);
    EXPECT_EQ(
        errorOf(OneOperator{"Unsqueeze", 13}.run({Tensor::zeros(DType::Float32, {2, 3}), intList(axes)})),
        ErrorCode::InvalidArgument);
}

TEST(HostileOperands, RangeWhoseSpanExceedsTheType) {
    constexpr std::int64_t kStep = std::int64_t{1} << 61;
    const Tensor low = Tensor::scalar(std::numeric_limits<std::int64_t>::min()),
                 high = Tensor::scalar(std::numeric_limits<std::int64_t>::max());
    const auto range = outputOf<std::int64_t>(OneOperator{"Range"}.run({low, high, Tensor::scalar(kStep)}));
    ASSERT_EQ(range.size(), 8u);
    EXPECT_EQ(range[3], -kStep);
    EXPECT_EQ(range[7], 3 * kStep);
    EXPECT_EQ(errorOf(OneOperator{"Range"}.run(
                  {Tensor::scalar(1e30f), Tensor::scalar(-1e30f), Tensor::scalar(1.0f)})),
              ErrorCode::InvalidArgument);
}

TEST(HostileOperands, BlocksLongerThanAnyAxis) {
    const auto outputs =
        OneOperator{"QuantizeLinear", 21, {{"block_size", std::numeric_limits<std::int64_t>::max()}}}.run(
            {Tensor::zeros(DType::Float32, {2, 4}), floatTensor({2, 1}, {1, 1})});
    ASSERT_TRUE(outputs) << outputs.error().text();
    EXPECT_EQ(outputs->front().shape(), (Shape{2, 4}));
}

TEST(HostileOperands, InfinitiesHaveAZeroPoint) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    for (const std::vector<float> &values : {std::vector<float>{-kInfinity, 0, 1},
                                             {-kInfinity, 0, kInfinity},
                                             {0, 1, kInfinity},
                                             {NAN, NAN, NAN}}) {
        const auto outputs = OneOperator{"DynamicQuantizeLinear", 11}.run({floatTensor({3}, values)});
        ASSERT_TRUE(outputs) << outputs.error().text();
        EXPECT_EQ((*outputs)[2].values<std::uint8_t>()[0], 0);
    }
}

TEST(HostileOperands, WindowsFarLargerThanTheirSourceTakeNoTime) {
    constexpr std::int64_t kHuge = 1 << 20;
    for (const char *op : {"MaxPool", "AveragePool", "LpPool"}) {
        const OneOperator pool{op,
                               18,
                               {{"kernel_shape", std::vector<std::int64_t>{kHuge, kHuge}},
                                {"pads", std::vector<std::int64_t>(4, kHuge / 2)}}};
        EXPECT_THAT(outputOf<float>(pool.run({floatTensor({1, 1, 1, 1}, {3})})), ElementsAre(3, 3, 3, 3))
            << op;
    }
}

TEST(HostileOperands, GridsBeyondEveryNumberAreReflectedSomewhere) {
    const Tensor grid = tensorOf<double>({1, 1, 1, 2}, {1e308, -1e308});
    for (const char *mode : {"linear", "nearest", "cubic"}) {
        const OneOperator sample{"GridSample", 20, {{"mode", mode}, {"padding_mode", "reflection"}}};
        EXPECT_EQ(outputOf<float>(sample.run({Tensor::zeros(DType::Float32, {1, 1, 3, 3}), grid})),
                  std::vector<float>{0})
            << mode;
    }
}

TEST(HostileOperands, RegionsOfNegativeSizeHaveNoSamples) {
    const Tensor regions = tensorOf<double>({1, 4}, {0, 0, 0, -1e300});
    EXPECT_THAT(outputOf<float>(OneOperator{"RoiAlign", 16, {{"output_height", std::int64_t{1}}}}.run(
                    {floatTensor({1, 1, 1, 1}, {3}), regions, intList({0})})),
                ElementsAre(0));
}

TEST(HostileOperands, AntialiasedRegionsAreNotRepeatedForever) {
    const OneOperator resize{"Resize",
                             18,
                             {{"mode", "linear"},
                              {"antialias", std::int64_t{1}},
                              {"coordinate_transformation_mode", "tf_crop_and_resize"}}};
    const Tensor x = floatTensor({4}, {1, 2, 3, 4});
    EXPECT_TRUE(resize.run({x, floatTensor({2}, {0, 1}), floatTensor({1}, {0.5f})}));
    EXPECT_EQ(errorOf(resize.run({x, floatTensor({2}, {0, 1e15f}), floatTensor({1}, {1e-9f})})),
              ErrorCode::InvalidArgument);
}

TEST(HostileOperands, LongTransformsCountTheirScratchMemory) {
    const auto outputs = OneOperator{"DFT", 17, {{"onesided", std::int64_t{1}}}}.run(
        {Tensor::zeros(DType::Float32, {1, 4, 1}), Tensor::scalar(std::int64_t{1} << 20)}, 64 << 20);
    EXPECT_EQ(errorOf(outputs), ErrorCode::OutOfMemory);
}

TEST(HostileOperands, EmptyProductsMakeNoListOfMatrices) {
    constexpr std::int64_t kMany = 1 << 14;
    const auto plan = MatmulShape::of({kMany, 1, 0, 2}, {1, kMany, 2, 3});
    ASSERT_TRUE(plan) << plan.error().text();
    EXPECT_TRUE(plan->aMatrix.empty());
    EXPECT_EQ(plan->result, (Shape{kMany, kMany, 0, 3}));
    EXPECT_EQ(errorOf(OneOperator{"MatMul"}.run({Tensor::zeros(DType::Float32, {kMany, 1, 0, 2}),
                                                 Tensor::zeros(DType::Float32, {1, kMany, 2, 3})})),
              ErrorCode::InvalidArgument);
}

/// The trace of one node whose operands have these shapes and unknown contents.
Result<ShapeTrace> traceOf(const OneOperator &op, const std::vector<Shape> &operands) {
    GraphBuilder builder;
    builder.setOpset(op.domain, op.opset);
    Node node{"n", op.type, op.domain, {}, {}, op.attributes};
    for (std::size_t i = 0; i < operands.size(); ++i) {
        node.inputs.push_back(builder.value("x" + std::to_string(i)));
        builder.addInput(node.inputs.back());
    }
    for (int i = 0; i < op.outputs; ++i)
        node.outputs.push_back(builder.value("y" + std::to_string(i)));
    QS_CHECK_OK(builder.addNode(std::move(node)));
    QS_TRY(const ModelGraph graph, std::move(builder).finish());
    return traceShapes(graph, operands, {});
}

TEST(ShapeTrace, SizesBeyondAllNumbersAreErrors) {
    constexpr std::int64_t kHuge = std::int64_t{1} << 62;
    EXPECT_FALSE(traceOf({"Concat", 17, {{"axis", std::int64_t{0}}}}, {{kHuge}, {kHuge}}));
    EXPECT_FALSE(traceOf({"DepthToSpace", 17, {{"blocksize", std::int64_t{4}}}}, {{0, 16, kHuge, 1}}));
    EXPECT_FALSE(traceOf({"SpaceToDepth", 17, {{"blocksize", std::int64_t{4}}}}, {{0, kHuge, 4, 4}}));
    EXPECT_TRUE(traceOf({"DepthToSpace", 17, {{"blocksize", std::int64_t{2}}}}, {{1, 8, 3, 4}}));
    EXPECT_TRUE(traceOf({"Split", 17, {}, 0}, {{4}})) << "no outputs, nothing to trace";
    for (const char *heads : {"num_heads", "kv_num_heads"})
        EXPECT_FALSE(
            traceOf({"GroupQueryAttention", 1, {{heads, kHuge}}, 1, "com.microsoft"}, {{1, 2, 1 << 20}}))
            << heads;
    EXPECT_FALSE(traceOf({"Attention", 23, {{"q_num_heads", kHuge}, {"kv_num_heads", std::int64_t{1}}}},
                         {{1, 2, 8}, {1, 2, 8}, {1, 2, 8}}));
}

} // namespace
} // namespace qs
