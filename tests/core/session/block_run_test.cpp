// Block methods in runs: block by block, on inputs that the quantized layers before let through.
#include "core/io/importer.h"
#include "core/session/run.h"
#include "tests/support/bundled_methods.h"

#include <gtest/gtest.h>

namespace qs {
namespace {

const std::filesystem::path kSamples = QS_SAMPLE_DATA;

RunRequest cnnRequest() {
    FindingList findings;
    RunRequest request;
    request.model = *openModel(kSamples / "glyph-cnn.onnx", findings, {});
    request.executor = *Executor::create(request.model);
    request.calibration = *CalibrationSet::open(kSamples / "glyph-calib.h5", {});
    request.methods = test::bundledMethods(findings);
    request.calibrationSamples = 32;
    request.evaluationSamples = 32;
    request.measureInNetwork = false;
    return request;
}

WeightChoice choice(const std::string &method, nlohmann::json parameters = nlohmann::json::object()) {
    WeightChoice weight;
    weight.method = method;
    weight.scheme.grid.bits = 3;
    weight.parameters = std::move(parameters);
    return weight;
}

const nlohmann::json kQuick = {
    {"iterations", 60}, {"batch_size", 4}, {"samples", 16}, {"learning_rate", 0.1}};

std::shared_ptr<const qs::Run> runOrFail(const RunRequest &request, FindingList &findings) {
    auto run = executeRun(request, {}, findings, {});
    EXPECT_TRUE(run) << run.error().text();
    return run ? *run : nullptr;
}

TEST(BlockRuns, BrecqBeatsNearestOnTheWholeModel) {
    RunRequest request = cnnRequest();
    FindingList findings;
    request.recipe = uniformRecipe("", choice("rtn"), std::nullopt);
    const auto nearest = runOrFail(request, findings);
    request.recipe = uniformRecipe("", choice("brecq", kQuick), std::nullopt);
    const auto learned = runOrFail(request, findings);
    ASSERT_TRUE(nearest && learned && learned->total && nearest->total);
    for (const auto &layer : learned->layers)
        EXPECT_EQ(layer->state, LayerResult::State::Quantized) << layer->failure;
    EXPECT_LT(learned->total->error.mse(), 0.7 * nearest->total->error.mse());
    EXPECT_EQ(learned->effectiveBits(), nearest->effectiveBits());
}

TEST(BlockRuns, TheSameSeedGivesTheSameCodes) {
    RunRequest request = cnnRequest();
    FindingList findings;
    nlohmann::json parameters = kQuick;
    parameters["iterations"] = 10;
    request.recipe = uniformRecipe("", choice("qdrop", parameters), ActivationChoice{});
    const auto first = runOrFail(request, findings), second = runOrFail(request, findings);
    bool stepsMoved = false;
    for (std::size_t l = 0; l < first->layers.size(); ++l) {
        EXPECT_EQ(first->layers[l]->quantized.weight->codes, second->layers[l]->quantized.weight->codes);
        EXPECT_EQ(first->layers[l]->quantized.activation->scale,
                  second->layers[l]->quantized.activation->scale);
        const ScaleZero fitted = activationGrid(*first->capture->layers[l], ActivationChoice{}.grid);
        stepsMoved = stepsMoved || first->layers[l]->quantized.activation->scale != fitted.scale;
    }
    EXPECT_TRUE(stepsMoved);
}

TEST(BlockRuns, OtherMethodsMayShareABlock) {
    RunRequest request = cnnRequest();
    FindingList findings;
    request.recipe = uniformRecipe("", choice("brecq", kQuick), std::nullopt);
    request.recipe.rules.push_back({".*depthwise.*", {choice("rtn"), std::nullopt}});
    request.recipe.rules.push_back({".*last.*", {}}); // float
    const auto run = runOrFail(request, findings);
    for (const auto &layer : run->layers) {
        const std::string &name = request.model->layers[static_cast<std::size_t>(layer->layer)].name;
        EXPECT_EQ(layer->state == LayerResult::State::Float, name.find("last") != std::string::npos) << name;
    }
}

TEST(BlockRuns, WithoutANetworkLayersNeedTheirHessian) {
    RunRequest request = cnnRequest();
    request.executor = nullptr;
    FindingList findings;
    request.recipe = uniformRecipe("", choice("brecq", kQuick), std::nullopt);
    const auto run = runOrFail(request, findings);
    EXPECT_EQ(run->layers[0]->state, LayerResult::State::Failed);
    EXPECT_NE(run->layers[0]->failure.find("calibration"), std::string::npos) << run->layers[0]->failure;
}

} // namespace
} // namespace qs
