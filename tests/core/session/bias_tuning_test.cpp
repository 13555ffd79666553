#include "core/session/bias_tuning.h"

#include "core/session/run.h"
#include "tests/core/exec/memory_set.h"
#include "tests/core/exec/small_model.h"
#include "tests/support/sample_run.h"

namespace qs {
namespace {

const std::filesystem::path kSamples = QS_SAMPLE_DATA;
constexpr std::int64_t kSet = 8;

RunRequest requestFor(const char *model, const char *data, int bits, std::set<Correction> corrections) {
    WeightChoice weights;
    weights.scheme.grid.bits = bits;
    weights.corrections = std::move(corrections);
    return sampleRequest(kSamples / model, kSamples / data, kSet, weights);
}

std::shared_ptr<const Run> runOf(const RunRequest &request, FindingList &findings) {
    const auto run = executeRun(request, {}, findings, {});
    EXPECT_TRUE(run) << run.error().text();
    return run ? *run : nullptr;
}

BiasTuningRequest tuningOf(const RunRequest &request, const Run &run) {
    BiasTuningRequest tuning{request.executor, request.calibration.get(), kSet, run.quantizedLayers(), {}};
    for (const Layer &layer : request.model->layers)
        tuning.tuned.insert(layer.id);
    return tuning;
}

/// Shifted outputs of an otherwise good network are found and taken back.
TEST(BiasTuning, FindsTheShiftThatWasAdded) {
    const RunRequest request = requestFor("glyph-cnn.onnx", "glyph-calib.h5", 8, {});
    FindingList findings;
    const auto run = runOf(request, findings);
    ASSERT_TRUE(run);
    BiasTuningRequest tuning = tuningOf(request, *run);
    QuantizedLayer &last = tuning.layers.back();
    tuning.tuned = {last.layer};
    const std::int64_t classes = request.model->layers[static_cast<std::size_t>(last.layer)].outChannels;
    for (std::int64_t c = 0; c < classes; ++c)
        last.outputOffset.push_back(c % 3 == 0 ? 2.0f : -1.0f);
    tuning.rate = 0.03;
    tuning.steps = 60;
    const auto tuned = tuneBiases(tuning, {});
    ASSERT_TRUE(tuned) << tuned.error().text();
    EXPECT_EQ(tuned->loss, OutputLoss::Kl);
    EXPECT_GT(tuned->before, 0.002);
    EXPECT_LT(tuned->after, 0.05 * tuned->before);
}

TEST(BiasTuning, MakesTheRunBetterAndKeepsTheCodes) {
    FindingList findings;
    const auto plain = runOf(requestFor("glyph-cnn.onnx", "glyph-calib.h5", 3, {}), findings);
    const auto tuned =
        runOf(requestFor("glyph-cnn.onnx", "glyph-calib.h5", 3, {Correction::Tuning}), findings);
    ASSERT_TRUE(plain && tuned);
    EXPECT_LT(*tuned->total->klNats(), 0.5 * *plain->total->klNats());
    for (std::size_t i = 0; i < plain->layers.size(); ++i) {
        EXPECT_EQ(plain->layers[i]->quantized.weight->codes, tuned->layers[i]->quantized.weight->codes);
        EXPECT_EQ(std::ssize(tuned->layers[i]->quantized.outputOffset), tuned->model->layers[i].outChannels);
    }
    EXPECT_TRUE(std::ranges::any_of(findings.snapshot(), [](const auto &entry) {
        return entry.finding.what.starts_with("bias tuning of ") &&
               entry.finding.what.find("KL") != std::string::npos;
    }));
}

/// Attention, and activations on static grids, let gradients through.
TEST(BiasTuning, GoesThroughQuantizedActivationsOfATransformer) {
    RunRequest request = requestFor("glyph-vit.onnx", "glyph-calib.h5", 4, {});
    request.recipe.rules.front().choice.activation = ActivationChoice{};
    request.calibrationSamples = request.evaluationSamples = 8;
    FindingList findings;
    const auto run = runOf(request, findings);
    ASSERT_TRUE(run);
    BiasTuningRequest tuning = tuningOf(request, *run);
    tuning.maxSamples = 8;
    tuning.batchSize = 4;
    tuning.steps = 10;
    const auto tuned = tuneBiases(tuning, {});
    ASSERT_TRUE(tuned) << tuned.error().text();
    EXPECT_LT(tuned->after, 0.9 * tuned->before);
}

TEST(BiasTuning, IsTheSameOnOneThreadAndOnMany) {
    const RunRequest request = requestFor("glyph-cnn.onnx", "glyph-calib.h5", 3, {});
    FindingList findings;
    const auto run = runOf(request, findings);
    ASSERT_TRUE(run);
    BiasTuningRequest tuning = tuningOf(request, *run);
    tuning.steps = 6;
    RunContext one, many;
    one.maxThreads = 1;
    many.maxThreads = 4;
    const auto first = tuneBiases(tuning, one), second = tuneBiases(tuning, many);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->offsets, second->offsets);
    EXPECT_LT(first->after, first->before);
}

TEST(BiasTuning, ImagesAreComparedByTheirSquaredError) {
    const RunRequest request = requestFor("glyph-dit.onnx", "glyph-dit-calib.h5", 4, {});
    FindingList findings;
    const auto run = runOf(request, findings);
    ASSERT_TRUE(run);
    BiasTuningRequest tuning = tuningOf(request, *run);
    tuning.steps = 8;
    tuning.batchSize = 4;
    const auto tuned = tuneBiases(tuning, {});
    ASSERT_TRUE(tuned) << tuned.error().text();
    EXPECT_EQ(tuned->loss, OutputLoss::SquaredError);
    EXPECT_LT(tuned->after, tuned->before);
}

/// x [n, 3] → MatMul → the class of the largest, and the logits where wanted.
std::shared_ptr<const Executor> classifier(bool givesLogits) {
    SmallModel model;
    model.input("x", DType::Float32, {-1, 3}).floats("w", {3, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1});
    model.node("MatMul", {"x", "w"}, {"logits"})
        .node("ArgMax", {"logits"}, {"class"}, {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}});
    if (givesLogits)
        model.output("class").node("Identity", {"logits"}, {"scores"});
    return model.executor();
}

TEST(BiasTuning, ChosenClassesHaveNoGradient) {
    const MemorySet set(
        Tensor::fromValues<float>({4, 3}, std::vector<float>{0, 1, 5, 4, 3, 2, 0, 7, 6, 1, 0, 8}));
    QuantizedLayer shifted;
    shifted.layer = 0;
    shifted.outputOffset = {2, 0, -1};
    BiasTuningRequest request{classifier(true), &set, 0, {shifted}, {0}};
    request.steps = 20;
    const auto tuned = tuneBiases(request, {});
    ASSERT_TRUE(tuned) << tuned.error().text();
    EXPECT_LT(tuned->after, tuned->before);
    request.executor = classifier(false);
    const auto refused = tuneBiases(request, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::Unsupported);
}

TEST(BiasTuning, WithoutCalibrationIsLeftOutAndSaidSo) {
    RunRequest request = requestFor("glyph-cnn.onnx", "glyph-calib.h5", 4, {Correction::Tuning});
    request.calibration = nullptr;
    FindingList findings;
    const auto run = runOf(request, findings);
    ASSERT_TRUE(run);
    EXPECT_TRUE(run->complete);
    EXPECT_TRUE(std::ranges::any_of(findings.snapshot(), [](const auto &entry) {
        return entry.finding.what.find("bias tuning needs a calibration set") != std::string::npos;
    }));
}

TEST(BiasTuning, CancelEndsIt) {
    const RunRequest request = requestFor("glyph-cnn.onnx", "glyph-calib.h5", 4, {});
    FindingList findings;
    const auto run = runOf(request, findings);
    ASSERT_TRUE(run);
    std::stop_source stop;
    RunContext ctx;
    ctx.stop = stop.get_token();
    stop.request_stop();
    const auto tuned = tuneBiases(tuningOf(request, *run), ctx);
    ASSERT_FALSE(tuned);
    EXPECT_EQ(tuned.error().code, ErrorCode::Cancelled);
}

} // namespace
} // namespace qs
