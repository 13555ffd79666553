#include "core/session/run.h"

#include "core/io/importer.h"
#include "tests/core/exec/small_model.h"

namespace qs {
namespace {

const std::filesystem::path kSamples = QS_SAMPLE_DATA;

std::shared_ptr<const MethodRegistry> rtnOnly() {
    auto registry = std::make_shared<MethodRegistry>();
    EXPECT_TRUE(registry->add(makeRtnQuantizer()));
    return registry;
}

RunRequest openSample(const std::string &model, const std::string &data) {
    FindingList findings;
    RunRequest request;
    request.name = model;
    auto opened = openModel(kSamples / model, findings, {});
    EXPECT_TRUE(opened) << opened.error().text();
    request.model = *opened;
    auto executor = Executor::create(request.model);
    EXPECT_TRUE(executor) << executor.error().text();
    request.executor = *executor;
    auto set = CalibrationSet::open(kSamples / data, {});
    EXPECT_TRUE(set) << set.error().text();
    request.calibration = *set;
    request.methods = rtnOnly();
    request.calibrationSamples = 16;
    request.evaluationSamples = 32;
    request.inNetworkSamples = 8;
    return request;
}

WeightChoice rtn(int bits) {
    WeightChoice choice;
    choice.scheme.grid.bits = bits;
    choice.scheme.grid.convention = GridConvention::SymmetricRestricted;
    return choice;
}

std::shared_ptr<const qs::Run> runOrFail(const RunRequest &request, FindingList &findings) {
    auto run = executeRun(request, {}, findings, {});
    EXPECT_TRUE(run) << run.error().text();
    return *run;
}

TEST(ExecuteRun, PublishesLayerByLayerAndEndsComplete) {
    RunRequest request = openSample("glyph-cnn.onnx", "glyph-calib.h5");
    request.recipe = uniformRecipe("w8a8", rtn(8), ActivationChoice{});
    FindingList findings;
    std::vector<std::size_t> counts;
    auto countLayers = [&](std::shared_ptr<const qs::Run> run) {
        counts.push_back(static_cast<std::size_t>(std::count_if(
            run->layers.begin(), run->layers.end(), [](const auto &layer) { return layer != nullptr; })));
    };
    const auto run = executeRun(request, countLayers, findings, {});
    ASSERT_TRUE(run) << run.error().text();
    EXPECT_TRUE((*run)->complete);
    EXPECT_TRUE(std::is_sorted(counts.begin(), counts.end()));
    EXPECT_EQ(counts.front(), 0u);
    EXPECT_EQ(counts.back(), request.model->layers.size());
    EXPECT_GT((*run)->total->error.sqnrDb(), 15.0);
    EXPECT_GT((*run)->total->top1Agreement().value(), 0.9);
    EXPECT_NEAR((*run)->effectiveBits(), 8.5, 1.5);
}

/// Mean of each column of a float32 [samples, columns] tensor.
std::vector<double> columnMeans(const Tensor &values) {
    const std::int64_t samples = values.shape()[0], columns = values.shape()[1];
    std::vector<double> means(static_cast<std::size_t>(columns), 0.0);
    const float *value = values.values<float>().data();
    for (std::int64_t s = 0; s < samples; ++s)
        for (double &mean : means)
            mean += *value++ / static_cast<double>(samples);
    return means;
}

TEST(ExecuteRun, BiasCorrectionGivesTheMeanOutputOfTheFloatLayer) {
    RunRequest request = openSample("glyph-cnn.onnx", "glyph-calib.h5");
    WeightChoice choice = rtn(2);
    choice.corrections = {Correction::Bias};
    request.recipe = uniformRecipe("w2-bias", choice, {});
    request.recipe.rules.front().layers = R"(m\.fc)"; // the last layer: its outputs are those of the model
    FindingList findings;
    const auto run = runOrFail(request, findings);
    const auto inputs = readModelInputs(*request.calibration, request.model->graph, 0, 16).value();
    const auto meansWith = [&](std::vector<QuantizedLayer> layers) {
        const PassOptions options = substitutions(*request.model, layers).value();
        return columnMeans(request.executor->run(inputs, options, {}).value()[0]);
    };
    std::vector<QuantizedLayer> layers = run->quantizedLayers();
    ASSERT_EQ(layers.size(), 1u);
    const std::vector<double> exact = meansWith({}), corrected = meansWith(layers);
    layers[0].outputOffset.clear();
    const std::vector<double> plain = meansWith(layers);
    double largest = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
        EXPECT_NEAR(corrected[i], exact[i], 1e-4);
        largest = std::max(largest, std::abs(plain[i] - exact[i]));
    }
    EXPECT_GT(largest, 0.1) << "there was something to correct";
}

TEST(ExecuteRun, MoreBitsMeanLessErrorInEveryLayer) {
    RunRequest request = openSample("glyph-vit.onnx", "glyph-calib.h5");
    FindingList findings;
    request.recipe = uniformRecipe("w4", rtn(4), {});
    const auto four = runOrFail(request, findings);
    request.recipe = uniformRecipe("w8", rtn(8), {});
    request.capture = four->capture;
    const auto eight = runOrFail(request, findings);
    EXPECT_EQ(eight->capture, four->capture) << "an equal capture is reused";
    for (std::size_t i = 0; i < four->layers.size(); ++i) {
        EXPECT_GT(*eight->layers[i]->weightSqnrDb(), *four->layers[i]->weightSqnrDb() + 15) << i;
        EXPECT_GT(*eight->layers[i]->outputSqnrDb(), *four->layers[i]->outputSqnrDb() + 10) << i;
    }
}

TEST(ExecuteRun, SameRequestGivesTheSameReport) {
    RunRequest request = openSample("glyph-cnn.onnx", "glyph-calib.h5");
    request.recipe = uniformRecipe("w4a8", rtn(4), ActivationChoice{});
    FindingList findings;
    const std::string first = runReport(*runOrFail(request, findings)).dump();
    const std::string second = runReport(*runOrFail(request, findings)).dump();
    EXPECT_EQ(first, second);
}

TEST(ExecuteRun, ActivationsWithoutCalibrationFailPerLayerAndSayWhy) {
    RunRequest request = openSample("glyph-cnn.onnx", "glyph-calib.h5");
    request.calibration = nullptr;
    request.recipe = uniformRecipe("w8a8", rtn(8), ActivationChoice{});
    FindingList findings;
    const auto run = runOrFail(request, findings);
    EXPECT_EQ(run->layers[0]->state, LayerResult::State::Failed);
    EXPECT_THAT(run->layers[0]->failure, testing::HasSubstr("calibration set"));
    EXPECT_EQ(findings.snapshot().size(), request.model->layers.size());
}

TEST(ExecuteRun, WeightsAloneNeedNeitherCalibrationNorExecution) {
    RunRequest request = openSample("glyph-cnn.onnx", "glyph-calib.h5");
    request.calibration = nullptr;
    request.executor = nullptr;
    request.recipe = uniformRecipe("w4", rtn(4), {});
    FindingList findings;
    const auto run = runOrFail(request, findings);
    EXPECT_TRUE(run->complete);
    EXPECT_TRUE(run->layers[0]->weightError);
    EXPECT_FALSE(run->layers[0]->network);
    EXPECT_FALSE(run->total);
}

TEST(ExecuteRun, StopsWhenCancelled) {
    RunRequest request = openSample("glyph-cnn.onnx", "glyph-calib.h5");
    request.recipe = uniformRecipe("w8", rtn(8), {});
    FindingList findings;
    std::stop_source source;
    RunContext ctx;
    ctx.stop = source.get_token();
    const auto run = executeRun(
        request, [&](std::shared_ptr<const qs::Run>) { source.request_stop(); }, findings, ctx);
    ASSERT_FALSE(run);
    EXPECT_EQ(run.error().code, ErrorCode::Cancelled);
}

TEST(ExecuteRun, LanguageModelBaselineIsItsTrainedPerplexity) {
    RunRequest request = openSample("tiny-llama.onnx", "tiny-llama-calib.h5");
    auto evaluation = CalibrationSet::open(kSamples / "tiny-llama-eval.h5", {});
    ASSERT_TRUE(evaluation);
    request.evaluation = *evaluation;
    request.evaluationSamples = 0;
    request.measureInNetwork = false;
    request.recipe.name = "float";
    FindingList findings;
    const auto run = runOrFail(request, findings);
    EXPECT_NEAR(run->baseline->perplexity().value(), 3.568, 0.001); // sample-data/README.md
    EXPECT_EQ(run->total->error.sqnrDb(), ErrorMetrics::kMaxSqnrDb);
}

TEST(Run, AWeightThatTwoLayersReadIsStoredOnce) {
    const std::vector<float> values(16, 0.5f);
    SmallModel model;
    model.input("x", DType::Float32, {2, 4})
        .floats("shared", {4, 4}, values)
        .floats("own", {4, 4}, values)
        .node("MatMul", {"x", "shared"}, {"a"})
        .node("MatMul", {"a", "shared"}, {"b"})
        .node("MatMul", {"b", "own"}, {"y"});
    qs::Run run;
    run.model = model.build();
    ASSERT_EQ(run.model->layers.size(), 3U);
    for (const Layer &layer : run.model->layers) {
        LayerResult result;
        result.layer = layer.id;
        result.bits.codes = layer.id == 2 ? 8 : 4;
        run.layers.push_back(std::make_shared<LayerResult>(result));
    }
    EXPECT_EQ(run.weightBytes(), 8 + 16);
    EXPECT_EQ(run.effectiveBits(), 6);
}

} // namespace
} // namespace qs
