#include "core/io/calibration_set.h"

#include "core/io/importer.h"
#include "core/tensor/convert.h"

namespace qs {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<const CalibrationSet> openSet(const std::string &file) {
    auto set = CalibrationSet::open(file, {});
    EXPECT_TRUE(set) << set.error().text();
    return set.value_or(nullptr);
}

std::shared_ptr<const CalibrationSet> sampleSet(const std::string &name) {
    return openSet(QS_SAMPLE_DATA "/" + name);
}

std::shared_ptr<const Model> sampleModel(const std::string &name) {
    FindingList findings;
    auto model = openModel(QS_SAMPLE_DATA "/" + name, findings, {});
    EXPECT_TRUE(model) << model.error().text();
    return model.value_or(nullptr);
}

/// A graph with one declared input.
ModelGraph graphWithInput(const std::string &name, DType type, Shape shape) {
    GraphBuilder builder;
    const ValueId id = builder.value(name);
    builder.addInput(id);
    builder.addOutput(id);
    builder.describe(id, type, std::move(shape));
    return *std::move(builder).finish();
}

TEST(CalibrationSet, ReadsTheSampleSets) {
    const auto glyphs = sampleSet("glyph-calib.h5");
    EXPECT_EQ(glyphs->samples(), 256);
    EXPECT_TRUE(glyphs->hasLabels());
    EXPECT_EQ(glyphs->sha256().size(), 64u);
    ASSERT_EQ(glyphs->inputs().size(), 1u);
    EXPECT_EQ(glyphs->inputs()[0].name, "image");
    EXPECT_EQ(glyphs->inputs()[0].dtype, DType::UInt8);
    EXPECT_EQ(glyphs->inputs()[0].sampleShape, (Shape{3, 32, 32}));
    const auto labels = glyphs->labels(0, 256);
    ASSERT_TRUE(labels);
    EXPECT_THAT(*labels, testing::Each(AllOf(testing::Ge(0), testing::Lt(36))));

    const auto diffusion = sampleSet("glyph-dit-calib.h5");
    EXPECT_EQ(diffusion->samples(), 600);
    EXPECT_EQ(diffusion->inputs().size(), 3u);
    EXPECT_FALSE(diffusion->hasLabels());
    EXPECT_EQ(diffusion->labels(0, 1).error().code, ErrorCode::NotFound);
}

TEST(CalibrationSet, FeedsEverySampleModel) {
    const std::vector<std::pair<std::string, std::string>> pairs = {
        {"glyph-cnn.onnx", "glyph-eval.h5"},
        {"glyph-vit.onnx", "glyph-calib.h5"},
        {"glyph-dit.onnx", "glyph-dit-calib.h5"},
        {"tiny-llama.onnx", "tiny-llama-calib.h5"}};
    for (const auto &[modelName, setName] : pairs) {
        const auto model = sampleModel(modelName);
        const auto set = sampleSet(setName);
        const Status fits = checkFits(*set, model->graph);
        EXPECT_TRUE(fits) << fits.error().text();
        const auto inputs = readModelInputs(*set, model->graph, 2, 5);
        ASSERT_TRUE(inputs) << inputs.error().text();
        ASSERT_EQ(inputs->size(), model->graph.inputs().size());
        for (std::size_t i = 0; i < inputs->size(); ++i) {
            EXPECT_EQ((*inputs)[i].dtype(), model->graph.value(model->graph.inputs()[i]).dtype);
            EXPECT_EQ((*inputs)[i].shape()[0], 3);
        }
    }
}

TEST(CalibrationSet, BlocksAddUpToTheWhole) {
    const auto set = sampleSet("tiny-llama-calib.h5");
    const Tensor whole = (*set->read(0, 64))["input_ids"];
    const Tensor tail = (*set->read(61, 64))["input_ids"];
    const auto all = whole.values<std::int64_t>();
    EXPECT_TRUE(std::ranges::equal(tail.values<std::int64_t>(), all.subspan(61 * 128)));
    EXPECT_EQ(set->read(60, 65).error().code, ErrorCode::InvalidArgument);
}

TEST(CalibrationSet, ReadsTheSchemaBelowCalibration) {
    const auto set = openSet(QS_TEST_DATA "/io/calibration.h5");
    ASSERT_TRUE(set);
    std::map<std::string, DType> types;
    for (const auto &input : set->inputs())
        types[input.name] = input.dtype;
    EXPECT_THAT(types, ElementsAre(testing::Pair("/model/image", DType::UInt8),
                                   testing::Pair("half", DType::BFloat16),
                                   testing::Pair("nested/name", DType::Float64),
                                   testing::Pair("step", DType::Int64)));
    auto block = *set->read(1, 3);
    EXPECT_THAT(block["/model/image"].values<std::uint8_t>(),
                ElementsAre(6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17));
    EXPECT_THAT(toFloat32(block["half"])->values<float>(), ElementsAre(2, 3));
    EXPECT_THAT(block["nested/name"].values<double>(), ElementsAre(1.5, 2.5));
    EXPECT_THAT(*set->labels(0, 4), ElementsAre(3, 0, 2, 1));
}

TEST(CalibrationSet, CastsToDeclaredTypes) {
    const auto set = openSet(QS_TEST_DATA "/io/calibration.h5");
    const auto read = [&](const std::string &name, DType type, Shape shape) {
        const ModelGraph graph = graphWithInput(name, type, std::move(shape));
        const Status fits = checkFits(*set, graph);
        EXPECT_TRUE(fits) << fits.error().text();
        return (*readModelInputs(*set, graph, 0, 2))[0];
    };
    EXPECT_THAT(read("/model/image", DType::Float32, {-1, 2, 3}).values<float>(),
                ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
    EXPECT_THAT(read("/model/image", DType::Int64, {-1, -1, 3}).values<std::int64_t>()[11], 11);
    EXPECT_THAT(read("step", DType::Int32, {-1}).values<std::int32_t>(), ElementsAre(1, 2));
    EXPECT_THAT(read("nested/name", DType::Float32, {4}).values<float>(), ElementsAre(0.5f, 1.5f));
    EXPECT_THAT(read("half", DType::Float16, {-1, 1}).values<std::uint16_t>(), ElementsAre(0x3c00, 0x4000));
}

TEST(CalibrationSet, TellsNameShapeAndTypeOfAMisfit) {
    const auto set = openSet(QS_TEST_DATA "/io/calibration.h5");
    const auto message = [&](const std::string &name, DType type, Shape shape) {
        const Status fits = checkFits(*set, graphWithInput(name, type, std::move(shape)));
        EXPECT_EQ(fits.error().code, ErrorCode::InvalidArgument);
        return fits.error().message;
    };
    EXPECT_THAT(message("image", DType::Float32, {-1, 2, 3}),
                AllOf(HasSubstr("'image'"), HasSubstr("float32 [?, 2, 3]"),
                      HasSubstr("no data set of that name"), HasSubstr("'/model/image' uint8 [4, 2, 3]")));
    EXPECT_THAT(message("/model/image", DType::Float32, {-1, 3, 3}),
                AllOf(HasSubstr("float32 [?, 3, 3]"), HasSubstr("uint8 [4, 2, 3]"),
                      HasSubstr("the shape does not fit")));
    EXPECT_THAT(message("/model/image", DType::Float32, {-1, 6}), HasSubstr("the shape does not fit"));
    EXPECT_THAT(message("nested/name", DType::Int64, {-1}),
                AllOf(HasSubstr("int64 [?]"), HasSubstr("float64 [4]"), HasSubstr("the type does not fit")));
    EXPECT_THAT(message("nested/name", DType::Int64, {-1, 2}),
                HasSubstr("the shape and the type do not fit"));
    EXPECT_THAT(message("step", DType::String, {-1}), HasSubstr("the type does not fit"));
}

TEST(CalibrationSet, RunsTheBatchThatAModelFixes) {
    const auto set = openSet(QS_TEST_DATA "/io/calibration.h5"); // 4 samples
    const ModelGraph graph = graphWithInput("nested/name", DType::Float64, {3});
    EXPECT_TRUE(checkFits(*set, graph));
    EXPECT_EQ(planBatches(*set, graph, 0, 16).size, 3);
    EXPECT_EQ(planBatches(*set, graph, 0, 16).samples, 3);
    EXPECT_EQ(planBatches(*set, graph, 1, 16).samples, 3);
    EXPECT_THAT(checkFits(*set, graphWithInput("nested/name", DType::Float64, {5})).error().message,
                HasSubstr("exactly 5 samples at a time, the file has 4"));
    const ModelGraph open = graphWithInput("nested/name", DType::Float64, {-1});
    EXPECT_EQ(planBatches(*set, open, 3, 2).size, 2);
    EXPECT_EQ(planBatches(*set, open, 3, 2).samples, 3);

    FindingList findings;
    tellUnused(*set, open, findings);
    tellUnused(*set, graphWithInput("nested/name", DType::Float64, {2}), findings);
    EXPECT_TRUE(findings.snapshot().empty());
    tellUnused(*set, graph, findings);
    ASSERT_EQ(findings.snapshot().size(), 1u);
    EXPECT_THAT(findings.snapshot()[0].finding.what, HasSubstr("the last 1 of 4 samples are left out"));
}

/// A graph with two declared inputs.
ModelGraph graphWithInputs(Shape image, Shape number) {
    GraphBuilder builder;
    for (auto &[name, shape] : {std::pair("/model/image", &image), std::pair("nested/name", &number)}) {
        const ValueId id = builder.value(name);
        builder.addInput(id);
        builder.addOutput(id);
        builder.describe(id, DType::Float64, *shape);
    }
    return *std::move(builder).finish();
}

TEST(CalibrationSet, ASampleMayBeAWholeInput) {
    const auto set = openSet(QS_TEST_DATA "/io/calibration.h5"); // [4, 2, 3] and [4]
    for (const Shape &image : {Shape{-1, 2, 3}, Shape{1, 2, 3}}) {
        const ModelGraph graph = graphWithInputs(image, {}); // a number beside an image
        const Status fits = checkFits(*set, graph);
        EXPECT_TRUE(fits) << fits.error().text();
        EXPECT_EQ(planBatches(*set, graph, 0, 16).size, 1);
        EXPECT_EQ(planBatches(*set, graph, 0, 16).samples, 4);
        const auto inputs = *readModelInputs(*set, graph, 2, 3);
        EXPECT_EQ(inputs[0].shape(), (Shape{1, 2, 3}));
        EXPECT_EQ(inputs[1].shape(), Shape{});
        EXPECT_EQ(inputs[1].values<double>()[0], 2.5);
        EXPECT_EQ(inputShapes(*set, graph, 1), (std::vector<Shape>{{1, 2, 3}, {}}));
        EXPECT_FALSE(readModelInputs(*set, graph, 0, 2));
    }
    const ModelGraph both = graphWithInputs({2, 3}, {});
    EXPECT_EQ((*readModelInputs(*set, both, 1, 2))[0].shape(), (Shape{2, 3}));
    EXPECT_THAT(checkFits(*set, graphWithInputs({4, 2, 3}, {})).error().message,
                HasSubstr("write whole inputs"));
    EXPECT_THAT(checkFits(*set, graphWithInputs({4, 2, 3}, {2})).error().message,
                AllOf(HasSubstr("count no samples"), HasSubstr("'nested/name' float64 [2]")));
}

TEST(CalibrationSet, RefusesNumbersThatTheDeclaredTypeCannotHold) {
    const auto set = sampleSet("tiny-llama-calib.h5"); // ids up to 64
    EXPECT_TRUE(readModelInputs(*set, graphWithInput("input_ids", DType::Int8, {-1, -1}), 0, 64));
    const auto images = sampleSet("glyph-calib.h5"); // values up to 255
    const auto refused =
        readModelInputs(*images, graphWithInput("image", DType::Int8, {-1, 3, 32, 32}), 0, 8);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text(), AllOf(HasSubstr("int8"), HasSubstr("image")));
}

TEST(CalibrationSet, RefusalsSayWhatIsWrong) {
    const auto message = [](const std::string &name) {
        const auto set = CalibrationSet::open(QS_TEST_DATA "/io/calibration_" + name + ".h5", {});
        EXPECT_FALSE(set) << name;
        return set ? std::string() : set.error().text();
    };
    EXPECT_THAT(message("no_inputs"), AllOf(HasSubstr("'inputs'"), HasSubstr("'images', 'weights'")));
    EXPECT_THAT(message("empty_group"), HasSubstr("holds no data sets"));
    EXPECT_THAT(message("disagree"), AllOf(HasSubstr("'inputs/b' has 3"), HasSubstr("'inputs/a' has 4")));
    EXPECT_THAT(message("scalar"), HasSubstr("axis 0"));
    EXPECT_THAT(message("no_samples"), HasSubstr("no samples"));
    EXPECT_THAT(message("text"), HasSubstr("element type"));
    EXPECT_THAT(message("float_labels"), HasSubstr("float32 [4]"));
    EXPECT_THAT(message("short_labels"), HasSubstr("int64 [3]"));
    EXPECT_THAT(message("one_hot_labels"), HasSubstr("int64 [4, 3]"));
    EXPECT_THAT(message("linked"), HasSubstr("link"));
    EXPECT_THAT(CalibrationSet::open(QS_SAMPLE_DATA "/README.md", {}).error().text(), HasSubstr("text"));
    EXPECT_EQ(CalibrationSet::open("/nowhere/set.h5", {}).error().code, ErrorCode::NotFound);
}

TEST(CalibrationSet, OpeningCanBeCancelled) {
    std::stop_source stop;
    stop.request_stop();
    RunContext ctx;
    ctx.stop = stop.get_token();
    EXPECT_EQ(CalibrationSet::open(QS_SAMPLE_DATA "/glyph-eval.h5", ctx).error().code, ErrorCode::Cancelled);
}

} // namespace
} // namespace qs
