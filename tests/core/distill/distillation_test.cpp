// Calibration images without data: the loss and its descent against torch 1.13, and what is promised of it.
#include "core/distill/distillation.h"

#include "core/distill/batch_norm_loss.h"
#include "core/distill/input_normalization.h"
#include "core/distill/swing_shift.h"
#include "core/exec/capture.h"
#include "core/io/calibration_origin.h"
#include "core/io/importer.h"
#include "tests/core/exec/small_model.h"
#include "tests/support/lcg.h"
#include "tests/support/temp_dir.h"

#include <gmock/gmock.h>

namespace qs {
namespace {

using test::lcgNormals;
using test::toFloats;
using testing::HasSubstr;

std::vector<float> scaled(std::size_t count, std::uint32_t seed, double factor, double offset = 0,
                          bool magnitude = false) {
    std::vector<double> values = lcgNormals(count, seed);
    for (double &value : values)
        value = offset + factor * (magnitude ? std::abs(value) : value);
    return toFloats(values);
}

/// Two convolutions with batch norm, the second with a stride.
std::shared_ptr<const Model> toyModel(bool withBatchNorm = true) {
    SmallModel model;
    model.input("x", DType::Float32, Shape{-1, 2, 8, 8})
        .floats("w1", Shape{3, 2, 3, 3}, scaled(54, 1, 0.4))
        .floats("w2", Shape{4, 3, 3, 3}, scaled(108, 6, 0.4))
        .floats("g1", Shape{3}, scaled(3, 4, 0.1, 1))
        .floats("b1", Shape{3}, scaled(3, 5, 0.1))
        .floats("m1", Shape{3}, scaled(3, 2, 0.5))
        .floats("v1", Shape{3}, scaled(3, 3, 1, 0.5, true))
        .floats("ones", Shape{4}, {1, 1, 1, 1})
        .floats("zeros", Shape{4}, {0, 0, 0, 0})
        .floats("m2", Shape{4}, scaled(4, 7, 0.5))
        .floats("v2", Shape{4}, scaled(4, 8, 1, 0.5, true));
    const std::map<std::string, Attribute> padded = {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}};
    auto strided = padded;
    strided["strides"] = std::vector<std::int64_t>{2, 2};
    model.node("Conv", {"x", "w1"}, {"y1"}, padded);
    if (withBatchNorm)
        model.node("BatchNormalization", {"y1", "g1", "b1", "m1", "v1"}, {"n1"});
    model.node("Relu", {withBatchNorm ? "n1" : "y1"}, {"z1"}).node("Conv", {"z1", "w2"}, {"y2"}, strided);
    if (withBatchNorm)
        model.node("BatchNormalization", {"y2", "ones", "zeros", "m2", "v2"}, {"n2"});
    return model.node("Relu", {withBatchNorm ? "n2" : "y2"}, {"z2"}).build();
}

DistilledImages distill(const std::shared_ptr<const Model> &model, const DistillOptions &options,
                        const RunContext &ctx = {}) {
    FindingList findings;
    auto images = distillImages(model, options, findings, ctx);
    EXPECT_TRUE(images) << images.error().text();
    return images ? *images : DistilledImages{};
}

Error refusal(const std::shared_ptr<const Model> &model, const DistillOptions &options,
              const RunContext &ctx = {}) {
    FindingList findings;
    const auto images = distillImages(model, options, findings, ctx);
    EXPECT_FALSE(images);
    return images ? Error{} : images.error();
}

std::shared_ptr<const Model> sample(const std::string &file) {
    FindingList findings;
    return *openModel(std::filesystem::path(QS_SAMPLE_DATA) / file, findings, {});
}

TEST(StatisticsLoss, AgreesWithTorch) {
    const Tensor values = Tensor::fromValues<float>(Shape{2, 2, 3}, scaled(12, 9, 1));
    const struct {
        StatisticsOver over;
        double loss;
        std::vector<float> gradient;
    } cases[] = {{StatisticsOver::Sample,
                  2.6625384,
                  {0.1457695f, -0.02389723f, -0.1664477f, 0.3829066f, 0.10152f, 0.8866453f, -0.5428133f,
                   -0.5636597f, -0.5180596f, 0.01249959f, -0.05447017f, -0.1605015f}},
                 {StatisticsOver::Batch,
                  1.255974,
                  {-0.01482839f, -0.1793405f, -0.3175601f, 0.1324023f, 0.0985497f, 0.1930053f, -0.3799305f,
                   -0.2860956f, -0.491353f, 0.3307855f, 0.2616548f, 0.1522022f}}};
    for (const auto &expected : cases) {
        const auto found = statisticsLoss(values, {0.3f, -0.2f}, {0.8f, 1.5f}, expected.over, {});
        ASSERT_TRUE(found);
        EXPECT_NEAR(found->loss, expected.loss, 1e-6);
        EXPECT_THAT(floatsOf(found->seed), testing::Pointwise(testing::FloatNear(2e-6f), expected.gradient));
    }
}

TEST(StatisticsLoss, OnePositionHasNoDeviation) {
    const auto found = statisticsLoss(floatTensor(Shape{1, 1, 1}, {3}), {1}, {1}, StatisticsOver::Sample, {});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->loss, 4);
    EXPECT_EQ(floatsOf(found->seed), std::vector<float>{4});
}

// Same noise, same loss, torch.optim.Adam(lr=0.5) and ReduceLROnPlateau(patience=100, min_lr=1e-4).
TEST(Distill, ZeroQDescendsAsTorchDoes) {
    const auto result = distill(toyModel(), {.samples = 3, .iterations = 500});
    ASSERT_EQ(result.losses.size(), 500u);
    const std::pair<std::size_t, double> expected[] = {{0, 19.869412}, {1, 5.3109744},  {2, 4.2963992},
                                                       {5, 3.3329745}, {10, 1.8768371}, {20, 0.7233857}};
    for (const auto &[iteration, loss] : expected)
        EXPECT_NEAR(result.losses[iteration], loss, 2e-3 * loss) << iteration;
    EXPECT_LT(result.lastLoss, 0.03); // torch: 0.012; hundreds of float32 steps part the ways
    EXPECT_EQ(result.batchNorms, 2);
}

TEST(Distill, GenieLowersItsLossTenfold) {
    const auto result =
        distill(toyModel(), {.method = DistillMethod::Genie, .samples = 4, .iterations = 300});
    EXPECT_LT(result.lastLoss, 0.1 * result.firstLoss);
}

TEST(Distill, SeedDecidesAndThreadsDoNot) {
    for (const DistillMethod method : {DistillMethod::ZeroQ, DistillMethod::Genie}) {
        DistillOptions options{.method = method, .samples = 5, .batchSize = 3, .iterations = 8};
        const auto model = toyModel();
        const auto images = floatsOf(distill(model, options).images);
        EXPECT_EQ(images, floatsOf(distill(model, options, {{}, nullptr, 1}).images));
        EXPECT_EQ(images, floatsOf(distill(model, options, {{}, nullptr, 4}).images));
        options.seed = 2;
        EXPECT_NE(images, floatsOf(distill(model, options).images));
    }
}

TEST(Distill, BatchesOfZeroQDoNotMeddle) {
    // Every image has its own statistics: what is learned beside it makes no difference.
    const auto model = toyModel();
    DistillOptions options{.samples = 6, .batchSize = 3, .iterations = 5};
    const auto parts = distill(model, options);
    options.samples = 3;
    const auto first = distill(model, options);
    const auto all = floatsOf(parts.images), half = floatsOf(first.images);
    EXPECT_TRUE(std::equal(half.begin(), half.end(), all.begin()));
}

TEST(Distill, StopsWhenCancelled) {
    std::stop_source source;
    source.request_stop();
    for (const DistillMethod method : {DistillMethod::ZeroQ, DistillMethod::Genie})
        EXPECT_EQ(refusal(toyModel(), {.method = method}, {source.get_token()}).code, ErrorCode::Cancelled);
}

TEST(Distill, ModelsWithoutBatchNormAreToldWhatToDo) {
    const Error error = refusal(toyModel(false), {});
    EXPECT_EQ(error.code, ErrorCode::Unsupported);
    EXPECT_THAT(error.message, HasSubstr("gaussian"));
    EXPECT_THAT(refusal(sample("glyph-vit.onnx"), {}).message, HasSubstr("BatchNormalization"));
    EXPECT_THAT(refusal(sample("tiny-llama.onnx"), {}).text(), HasSubstr("input_ids"));
    EXPECT_THAT(refusal(sample("glyph-dit.onnx"), {.method = DistillMethod::Gaussian}).message,
                HasSubstr("inputs"));
}

TEST(Distill, NoiseIsLabelled) {
    FindingList findings;
    const auto noise =
        distillImages(toyModel(false), {.method = DistillMethod::Gaussian, .samples = 2}, findings, {});
    ASSERT_TRUE(noise) << noise.error().text();
    EXPECT_THAT(noise->note, HasSubstr("Not real data"));
    ASSERT_EQ(findings.snapshot().size(), 1u);
    EXPECT_EQ(findings.snapshot()[0].finding.severity, Severity::Warning);
}

TEST(Distill, OperatorsWithoutGradientAreNamed) {
    const auto model = SmallModel()
                           .input("x", DType::Float32, Shape{-1, 1, 4, 4})
                           .floats("one", Shape{1}, {1})
                           .floats("zero", Shape{1}, {0})
                           .node("Atan", {"x"}, {"a"})
                           .node("BatchNormalization", {"a", "one", "zero", "zero", "one"}, {"y"})
                           .build();
    EXPECT_THAT(refusal(model, {.samples = 1}).text(), HasSubstr("Atan"));
    EXPECT_EQ(refusal(toyModel(), {.samples = 0}).code, ErrorCode::InvalidArgument);
    EXPECT_EQ(refusal(toyModel(), {.iterations = 0}).code, ErrorCode::InvalidArgument);
}

TEST(ImageInput, NormalisationInsideTheGraphIsFound) {
    const auto cnn = sample("glyph-cnn.onnx");
    const auto input = findImageInput(cnn->graph, std::nullopt);
    ASSERT_TRUE(input);
    EXPECT_EQ(cnn->graph.value(input->normalized).name, "/Div_1_output_0");
    ASSERT_TRUE(input->pixels);
    EXPECT_EQ(input->pixels->hi, 255);
    Tensor normalized = floatTensor(Shape{1, 3, 32, 32}, std::vector<float>(3 * 32 * 32, 100.0f));
    const Tensor pixels = pixelsOf(*input, normalized);
    EXPECT_THAT(floatsOf(pixels), testing::Each(255.0f));
    holdInRange(*input, normalized);
    EXPECT_LT(normalized.values<float>()[0], 5.0f);
    const auto bare = findImageInput(toyModel()->graph, std::nullopt);
    ASSERT_TRUE(bare);
    EXPECT_EQ(bare->normalized, bare->value);
    EXPECT_FALSE(bare->pixels);
    EXPECT_FALSE(findImageInput(toyModel()->graph, ValueRange{1, 1}));
}

TEST(SwingShift, WayBackIsTheTranspose) {
    const Tensor a = Tensor::fromValues<float>(Shape{1, 2, 4, 3}, scaled(24, 1, 1));
    const Tensor b = Tensor::fromValues<float>(Shape{1, 2, 4, 3}, scaled(24, 2, 1));
    const auto dot = [](const Tensor &x, const Tensor &y) {
        double sum = 0;
        for (std::size_t i = 0; i < 24; ++i)
            sum += static_cast<double>(x.values<float>()[i]) * y.values<float>()[i];
        return sum;
    };
    for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx)
            EXPECT_NEAR(dot(shiftImages(a, dy, dx), b), dot(a, shiftImagesBack(b, dy, dx)), 1e-4);
    EXPECT_EQ(floatsOf(shiftImages(a, 0, 0)), floatsOf(a));
    EXPECT_EQ(shiftImages(a, 1, 0).values<float>()[0], a.values<float>()[3]); // the row below
    EXPECT_EQ(shiftImages(a, 1, 0).values<float>()[9], a.values<float>()[6]); // reflected
}

TEST(Distill, WrittenFileIsACalibrationSetThatSaysWhatItIs) {
    const auto cnn = sample("glyph-cnn.onnx");
    const auto images = distill(cnn, {.samples = 12, .batchSize = 12, .iterations = 40});
    EXPECT_LT(images.lastLoss, 0.1 * images.firstLoss);
    const TempDir folder;
    const auto file = folder.path() / "made.h5";
    ASSERT_TRUE(writeDistilled(images, file));
    const auto set = CalibrationSet::open(file, {});
    ASSERT_TRUE(set) << set.error().text();
    EXPECT_TRUE(checkFits(**set, cnn->graph));
    EXPECT_EQ(sourceName(**set), "made.h5 (distilled, not real data)");

    // The ranges that layers would get, against those of real images; for people to read.
    const auto executor = *Executor::create(cnn);
    const auto real = *CalibrationSet::open(std::filesystem::path(QS_SAMPLE_DATA) / "glyph-calib.h5", {});
    EXPECT_EQ(originOf(*real), "");
    FindingList findings;
    const auto made = *captureActivations(*executor, **set, {}, findings, {});
    CaptureOptions few;
    few.maxSamples = 64;
    const auto seen = *captureActivations(*executor, *real, few, findings, {});
    double worst = 1;
    for (std::size_t l = 0; l < made->layers.size(); ++l) {
        const double ratio = (made->layers[l]->stats.max - made->layers[l]->stats.min) /
                             (seen->layers[l]->stats.max - seen->layers[l]->stats.min);
        std::printf("  range of %-34s %5.2f of the real one\n", cnn->layers[l].name.c_str(), ratio);
        worst = std::max({worst, ratio, 1 / ratio});
    }
    EXPECT_LT(worst, 4);
}

} // namespace
} // namespace qs
