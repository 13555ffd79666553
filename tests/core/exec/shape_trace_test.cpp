#include "core/exec/shape_trace.h"
#include "core/io/importer.h"
#include "tests/core/exec/small_model.h"

#include <gmock/gmock.h>

namespace qs {
namespace {

std::shared_ptr<const Model> sampleModel(const std::string &name) {
    FindingList findings;
    auto model = openModel(std::filesystem::path(QS_SAMPLE_DATA) / name, findings, {});
    EXPECT_TRUE(model) << (model ? "" : model.error().text());
    return model ? *model : nullptr;
}

/// Shapes and types of every value of a real run: the oracle.
struct Seen {
    DType dtype;
    Shape shape;
};
std::map<ValueId, Seen> runAndSee(const std::shared_ptr<const Model> &model,
                                  const std::vector<Shape> &shapes) {
    const auto executor = Executor::create(model);
    EXPECT_TRUE(executor);
    std::map<ValueId, Seen> seen;
    PassOptions options;
    for (std::size_t id = 0; id < model->graph.values().size(); ++id)
        options.taps[static_cast<ValueId>(id)] = [&seen, id](const Tensor &tensor) {
            seen[static_cast<ValueId>(id)] = {tensor.dtype(), tensor.shape()};
        };
    std::vector<Tensor> inputs;
    for (std::size_t i = 0; i < shapes.size(); ++i)
        inputs.push_back(Tensor::zeros(model->graph.value(model->graph.inputs()[i]).dtype, shapes[i]));
    const auto outputs = (*executor)->run(std::move(inputs), options, {});
    EXPECT_TRUE(outputs) << (outputs ? "" : outputs.error().text());
    return seen;
}

class TraceOfSample : public testing::TestWithParam<const char *> {};

TEST_P(TraceOfSample, GivesTheShapesOfARealRun) {
    const auto model = sampleModel(GetParam());
    ASSERT_TRUE(model);
    for (const auto &[batch, sequence] : {std::pair<std::int64_t, std::int64_t>{1, 7}, {3, 20}}) {
        const auto inputs = bindInputs(model->graph, batch, sequence);
        ASSERT_TRUE(inputs);
        const auto trace = traceShapes(model->graph, inputs->shapes, {});
        ASSERT_TRUE(trace) << trace.error().text();
        for (const TraceGap &gap : trace->gaps)
            ADD_FAILURE() << model->graph.node(gap.node).name << ": " << gap.reason;
        const auto seen = runAndSee(model, inputs->shapes);
        EXPECT_GT(seen.size(), 80u);
        for (const auto &[id, value] : seen) {
            EXPECT_EQ((*trace)[id].shape, value.shape) << model->graph.value(id).name;
            EXPECT_EQ((*trace)[id].dtype, value.dtype) << model->graph.value(id).name;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Samples, TraceOfSample,
                         testing::Values("glyph-cnn.onnx", "glyph-vit.onnx", "glyph-dit.onnx",
                                         "tiny-llama.onnx"),
                         [](const auto &sample) {
                             std::string name = sample.param;
                             std::erase_if(name, [](char c) {
                                 return std::isalnum(static_cast<unsigned char>(c)) == 0;
                             });
                             return name;
                         });

TEST(ShapeTrace, HugeBatchesNeedNoMemory) {
    const auto model = sampleModel("tiny-llama.onnx");
    ASSERT_TRUE(model);
    const auto inputs = bindInputs(model->graph, 1 << 20, 256);
    const auto trace = traceShapes(model->graph, inputs->shapes, {});
    ASSERT_TRUE(trace) << trace.error().text();
    const Shape &logits = (*trace)[model->graph.outputs().front()].shape;
    EXPECT_EQ(logits, (Shape{1 << 20, 256, 65}));
}

TEST(ShapeTrace, OperandsThatDoNotFitNameTheNode) {
    SmallModel model;
    model.input("x", DType::Float32, {-1, 3})
        .floats("w", {2, 2}, {1, 2, 3, 4})
        .node("MatMul", {"x", "w"}, {"y"});
    const auto trace = traceShapes(model.build()->graph, {{5, 3}}, {});
    ASSERT_FALSE(trace);
    EXPECT_EQ(trace.error().where, "node '/y/MatMul' (MatMul)");
    EXPECT_THAT(trace.error().message, testing::HasSubstr("[5, 3] and [2, 2]"));
}

TEST(ShapeTrace, UnknownOperatorIsAGapAndSoIsWhatFollows) {
    SmallModel model;
    model.input("x", DType::Float32, {-1, 3}).node("Mystery", {"x"}, {"a"}).node("Relu", {"a"}, {"b"});
    const auto built = model.build();
    const auto trace = traceShapes(built->graph, {{5, 3}}, {});
    ASSERT_TRUE(trace);
    EXPECT_EQ(trace->gaps.size(), 2u);
    EXPECT_FALSE((*trace)[built->graph.findValue("b")].known);
}

TEST(ShapeTrace, ShapesThatDependOnDataAreGaps) {
    SmallModel model;
    model.input("x", DType::Float32, {4}).input("n", DType::Int64, {1}).node("Reshape", {"x", "n"}, {"y"});
    const auto trace = traceShapes(model.build()->graph, {{4}, {1}}, {});
    ASSERT_TRUE(trace);
    ASSERT_EQ(trace->gaps.size(), 1u);
    EXPECT_THAT(trace->gaps[0].reason, testing::HasSubstr("depends on"));
}

TEST(ShapeTrace, HostileSizesAreErrors) {
    SmallModel model;
    model.input("x", DType::Float32, {-1}).ints("r", {INT64_MAX}).node("Tile", {"x", "r"}, {"y"});
    EXPECT_FALSE(traceShapes(model.build()->graph, {{1000}}, {}));
    SmallModel square;
    square.input("x", DType::Float32, {-1}).ints("s", {INT64_MAX / 2, 4}).node("Expand", {"x", "s"}, {"y"});
    EXPECT_FALSE(traceShapes(square.build()->graph, {{1}}, {}));
}

TEST(ShapeTrace, CancelledStops) {
    SmallModel model;
    model.input("x", DType::Float32, {-1}).node("Relu", {"x"}, {"y"});
    std::stop_source stop;
    stop.request_stop();
    const auto trace = traceShapes(model.build()->graph, {{1}}, {stop.get_token(), nullptr, 0});
    ASSERT_FALSE(trace);
    EXPECT_EQ(trace.error().code, ErrorCode::Cancelled);
}

} // namespace
} // namespace qs
