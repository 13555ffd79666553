#include "core/exec/control_flow.h"

#include "core/gradient/tape.h"

#include "tests/core/exec/one_operator.h"
#include "tests/core/exec/small_model.h"

#include <chrono>
#include <thread>

namespace qs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A branch or body in a few lines. Names that it does not define are read from the graph around it.
class Body {
public:
    explicit Body(std::vector<std::string> outer = {}) : m_outer(std::move(outer)) {
        m_builder.setOpset("", 17);
        for (const std::string &name : m_outer)
            m_builder.value(name);
    }

    Body &input(const std::string &name, DType type) {
        m_builder.describeType(m_builder.value(name), type);
        m_builder.addInput(m_builder.value(name));
        return *this;
    }
    Body &floats(const std::string &name, Shape shape, const std::vector<float> &values) {
        EXPECT_TRUE(m_builder.addConstant(m_builder.value(name), tensorOf(std::move(shape), values)));
        return *this;
    }
    Body &node(const std::string &op, const std::vector<std::string> &inputs, const std::string &output,
               std::map<std::string, Attribute> attributes = {}) {
        Node node{output + "/" + op, op, "", {}, {m_builder.value(output)}, std::move(attributes)};
        for (const std::string &name : inputs)
            node.inputs.push_back(m_builder.value(name));
        EXPECT_TRUE(m_builder.addNode(std::move(node)));
        return *this;
    }
    Body &output(const std::string &name) {
        m_builder.addOutput(m_builder.value(name));
        return *this;
    }
    Attribute graph() {
        auto graph = std::move(m_builder).finish(m_outer);
        EXPECT_TRUE(graph) << graph.error().text();
        return std::make_shared<const ModelGraph>(std::move(*graph));
    }

private:
    std::vector<std::string> m_outer;
    GraphBuilder m_builder;
};

/// condition ? x · w : x - 1, where w and x are those of the main graph.
SmallModel choiceModel() {
    SmallModel model;
    model.input("condition", DType::Bool, {})
        .input("x", DType::Float32, {2, 2})
        .floats("w", {2, 2}, {1, 2, 3, 4})
        .node("Relu", {"x"}, {"positive"})
        .node("If", {"condition"}, {"y"},
              {{"then_branch", Body({"x", "w"}).node("MatMul", {"x", "w"}, "p").output("p").graph()},
               {"else_branch",
                Body({"x"}).floats("one", {}, {1}).node("Sub", {"x", "one"}, "d").output("d").graph()}});
    return model;
}

Tensor boolean(bool value) {
    return Tensor::scalar(value);
}

TEST(If, RunsOneBranchOnValuesAroundIt) {
    for (const bool useOneDnn : {false, true}) {
        const auto executor = choiceModel().executor({useOneDnn});
        ASSERT_TRUE(executor);
        const Tensor x = floatTensor({2, 2}, {1, 1, 2, 0});
        EXPECT_THAT(floatsOf(runOne(*executor, {boolean(true), x})), ElementsAre(4, 6, 2, 4));
        EXPECT_THAT(floatsOf(runOne(*executor, {boolean(false), x})), ElementsAre(0, 0, 1, -1));
    }
}

TEST(If, RefusesAConditionThatIsNone) {
    SmallModel model;
    model.input("condition", DType::Float32, {})
        .floats("a", {}, {1})
        .node("If", {"condition"}, {"y"},
              {{"then_branch", Body({"a"}).output("a").graph()},
               {"else_branch", Body({"a"}).output("a").graph()}});
    const auto result = model.executor()->run({Tensor::scalar(1.0f)}, {}, {});
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message, HasSubstr("not one bool"));
}

TEST(If, NamesTheNodeInsideThatCannotRun) {
    SmallModel model;
    model.input("condition", DType::Bool, {})
        .floats("a", {}, {1})
        .node("If", {"condition"}, {"y"},
              {{"then_branch", Body({"a"}).node("Mystery", {"a"}, "m").output("m").graph()},
               {"else_branch", Body({"a"}).output("a").graph()}});
    const auto missing = Executor::missingOperators(model.build()->graph);
    ASSERT_EQ(missing.size(), 1u);
    EXPECT_EQ(missing[0].opType, "If");
    EXPECT_THAT(missing[0].reason, HasSubstr("'m/Mystery' (Mystery): not implemented"));
}

/// Doubles v while it is below the limit of the main graph; yields every v on the way.
SmallModel doublingModel() {
    SmallModel model;
    model.input("most", DType::Int64, {})
        .input("v", DType::Float32, {1})
        .input("limit", DType::Float32, {})
        .constant("true", boolean(true))
        .node("Loop", {"most", "true", "v"}, {"last", "all"},
              {{"body", Body({"limit"})
                            .input("i", DType::Int64)
                            .input("goes_on", DType::Bool)
                            .input("x", DType::Float32)
                            .node("Add", {"x", "x"}, "twice")
                            .node("Less", {"twice", "limit"}, "below")
                            .output("below")
                            .output("twice")
                            .output("x")
                            .graph()}})
        .node("Identity", {"all"}, {"y"});
    return model;
}

TEST(Loop, EndsByConditionAndByCount) {
    const auto executor = doublingModel().executor();
    const auto run = [&](std::int64_t most, float limit) {
        return runOne(*executor, {Tensor::scalar(most), floatTensor({1}, {3}), Tensor::scalar(limit)});
    };
    EXPECT_THAT(floatsOf(run(1'000'000, 40)), ElementsAre(3, 6, 12, 24));
    const Tensor counted = run(5, 1e9f);
    EXPECT_EQ(counted.shape(), (Shape{5, 1}));
    EXPECT_THAT(floatsOf(counted), ElementsAre(3, 6, 12, 24, 48));
    EXPECT_EQ(run(0, 40).shape(), Shape{0}) << "the body declares no rank";
    EXPECT_EQ(run(-7, 40).numel(), 0);
}

/// Rounds without end; the condition is constant, so planning sees constant operands only.
SmallModel endlessModel() {
    SmallModel model;
    model.input("x", DType::Float32, {1})
        .constant("true", boolean(true))
        .constant("zero", Tensor::scalar(0.0f))
        .node("Loop", {"", "true", "zero"}, {"last"},
              {{"body", Body()
                            .input("i", DType::Int64)
                            .input("goes_on", DType::Bool)
                            .input("v", DType::Float32)
                            .node("Relu", {"v"}, "same")
                            .output("goes_on")
                            .output("same")
                            .graph()}})
        .node("Add", {"x", "last"}, {"y"});
    return model;
}

TEST(Loop, WithoutEndIsCancelledAndNotFoldedAway) {
    const auto executor = endlessModel().executor();
    ASSERT_TRUE(executor);
    std::stop_source stop;
    RunContext ctx;
    ctx.stop = stop.get_token();
    std::jthread later([&stop] {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        stop.request_stop();
    });
    const auto result = executor->run({floatTensor({1}, {1})}, {}, ctx);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::Cancelled);
}

TEST(Loop, CannotYieldMoreThanMemoryHolds) {
    GraphBuilder builder;
    builder.setOpset("", 17);
    Node node{"loop", "Loop", "", {builder.value("most"), kNoValue}, {builder.value("rows")}, {}};
    builder.addInput(node.inputs[0]);
    node.attributes["body"] = Body()
                                  .input("i", DType::Int64)
                                  .input("goes_on", DType::Bool)
                                  .floats("row", {256}, std::vector<float>(256, 1))
                                  .node("Identity", {"row"}, "copy")
                                  .output("goes_on")
                                  .output("copy")
                                  .graph();
    ASSERT_TRUE(builder.addNode(node));
    const auto graph = std::move(builder).finish();
    ASSERT_TRUE(graph);
    const auto kernel = createControlFlowKernel(graph->node(0), *graph, {});
    ASSERT_TRUE(kernel) << kernel.error().text();
    const auto run = [&](std::int64_t rounds) {
        std::vector<Tensor> operands{Tensor::scalar(rounds), Tensor{}};
        const RunContext ctx;
        const auto pool = BufferPool::create();
        KernelCall call{operands, ctx, *pool, 64 << 10};
        return (*kernel)(call);
    };
    EXPECT_EQ(outputOf<float>(run(7)), std::vector<float>(7 * 256, 1));
    EXPECT_EQ(errorOf(run(std::int64_t{1} << 50)), ErrorCode::OutOfMemory);
}

/// x + 1 inside `depth` nested branches, or an operator that nobody knows.
SmallModel nestedModel(int depth, const char *innermost) {
    const std::vector<std::string> outer{"condition", "x"};
    Attribute graph = Body(outer).node(innermost, {"x", "x"}, "v0").output("v0").graph();
    for (int level = 1; level < depth; ++level) {
        const std::string name = "v" + std::to_string(level);
        graph = Body(outer)
                    .node("If", {"condition"}, name, {{"then_branch", graph}, {"else_branch", graph}})
                    .output(name)
                    .graph();
    }
    SmallModel model;
    model.input("condition", DType::Bool, {})
        .input("x", DType::Float32, {1})
        .node("If", {"condition"}, {"y"},
              {{"then_branch", graph}, {"else_branch", Body(outer).output("x").graph()}});
    return model;
}

TEST(If, NestedBranchesReadTheOutermostGraph) {
    const auto executor = nestedModel(5, "Add").executor();
    ASSERT_TRUE(executor);
    EXPECT_THAT(floatsOf(runOne(*executor, {boolean(true), floatTensor({1}, {4})})), ElementsAre(8));
}

TEST(If, NestedFailureIsFoundOnce) {
    const auto start = std::chrono::steady_clock::now();
    const auto executor = Executor::create(nestedModel(8, "Mystery").build());
    ASSERT_FALSE(executor);
    EXPECT_THAT(executor.error().message, HasSubstr("Mystery"));
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(Scan, ReadsBackwardsAndJoinsAlongAnotherAxis) {
    SmallModel model;
    model.input("x", DType::Float32, {2, 3})
        .floats("start", {2}, {0, 0})
        .node("Scan", {"start", "x"}, {"sum", "partial"},
              {{"num_scan_inputs", std::int64_t{1}},
               {"scan_input_axes", std::vector<std::int64_t>{-1}},
               {"scan_input_directions", std::vector<std::int64_t>{1}},
               {"scan_output_axes", std::vector<std::int64_t>{1}},
               {"body", Body()
                            .input("sum_in", DType::Float32)
                            .input("column", DType::Float32)
                            .node("Add", {"sum_in", "column"}, "sum_out")
                            .node("Identity", {"sum_out"}, "row")
                            .output("sum_out")
                            .output("row")
                            .graph()}})
        .node("Identity", {"partial"}, {"y"});
    const Tensor y = runOne(*model.executor(), {floatTensor({2, 3}, {1, 2, 3, 10, 20, 30})});
    EXPECT_EQ(y.shape(), (Shape{2, 3}));
    EXPECT_THAT(floatsOf(y), ElementsAre(3, 5, 6, 30, 50, 60));
}

TEST(GradientTape, RefusesBranches) {
    const auto tape = GradientTape::create(choiceModel().build());
    ASSERT_FALSE(tape);
    EXPECT_EQ(tape.error().code, ErrorCode::Unsupported);
    EXPECT_THAT(tape.error().message, HasSubstr("no gradient"));
}

} // namespace
} // namespace qs
