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

/// Codes of all layers, one after the other.
std::vector<std::int16_t> allCodes(const qs::Run &run) {
    std::vector<std::int16_t> codes;
    for (const auto &layer : run.layers)
        if (layer->quantized.weight)
            codes.insert(codes.end(), layer->quantized.weight->codes.begin(),
                         layer->quantized.weight->codes.end());
    return codes;
}

nlohmann::json quickWith(const nlohmann::json &more = nlohmann::json::object()) {
    nlohmann::json parameters = kQuick;
    parameters["iterations"] = 20;
    parameters.update(more);
    return parameters;
}

TEST(BlockRuns, CbqOfOneBlockWithAVariableForEveryWeightIsBrecq) {
    RunRequest request = cnnRequest();
    FindingList findings;
    request.recipe = uniformRecipe("", choice("brecq", quickWith()), std::nullopt);
    const auto brecq = runOrFail(request, findings);
    const nlohmann::json plain = quickWith({{"window", 1},
                                            {"overlap", 0},
                                            {"rank", 0},
                                            {"kl_weight", 0},
                                            {"homologous", 0},
                                            {"scale_learning_rate", 0},
                                            {"truncate", false}});
    request.recipe = uniformRecipe("", choice("cbq", plain), std::nullopt);
    EXPECT_EQ(allCodes(*runOrFail(request, findings)), allCodes(*brecq));
}

TEST(BlockRuns, MgrqWithoutItsTermsIsQDrop) {
    RunRequest request = cnnRequest();
    FindingList findings;
    request.recipe = uniformRecipe("", choice("qdrop", quickWith()), ActivationChoice{});
    const auto qdrop = runOrFail(request, findings);
    request.recipe = uniformRecipe("", choice("mgrq", quickWith({{"global_weight", 0}, {"local_weight", 0}})),
                                   ActivationChoice{});
    EXPECT_EQ(allCodes(*runOrFail(request, findings)), allCodes(*qdrop));
    request.recipe = uniformRecipe("", choice("mgrq", quickWith()), ActivationChoice{});
    EXPECT_NE(allCodes(*runOrFail(request, findings)), allCodes(*qdrop));
}

TEST(BlockRuns, WindowsThatOverlapBeatNearest) {
    RunRequest request = cnnRequest();
    FindingList findings;
    request.recipe = uniformRecipe("", choice("rtn"), std::nullopt);
    const auto nearest = runOrFail(request, findings);
    request.recipe = uniformRecipe("", choice("cbq", quickWith({{"window", 3}, {"overlap", 1}, {"rank", 0}})),
                                   std::nullopt);
    const auto learned = runOrFail(request, findings);
    for (const auto &layer : learned->layers)
        EXPECT_EQ(layer->state, LayerResult::State::Quantized) << layer->failure;
    EXPECT_LT(learned->total->error.mse(), 0.8 * nearest->total->error.mse());
}

TEST(BlockRuns, FisherAndLearnedRangesRun) {
    RunRequest request = cnnRequest();
    FindingList findings;
    request.recipe = uniformRecipe("", choice("rtn"), std::nullopt);
    const auto nearest = runOrFail(request, findings);
    for (const auto &[method, parameters] :
         {std::pair{"brecq", nlohmann::json{{"loss", "fisher"}, {"learning_rate", 0.1}}},
          std::pair{"omniquant-lwc-learned", nlohmann::json{{"learning_rate", 0.05}}}}) {
        nlohmann::json all{{"iterations", 40}, {"batch_size", 4}, {"samples", 16}};
        all.update(parameters);
        request.recipe = uniformRecipe("", choice(method, all), std::nullopt);
        const auto learned = runOrFail(request, findings);
        EXPECT_LT(learned->total->error.mse(), 0.95 * nearest->total->error.mse()) << method;
    }
    for (const auto &entry : findings.snapshot())
        EXPECT_TRUE(entry.finding.severity < Severity::Warning ||
                    entry.finding.what.find("are decided") != std::string::npos)
            << entry.finding.what;
}

TEST(BlockRuns, OneThreadGivesTheSameCodes) {
    RunRequest request = cnnRequest();
    FindingList findings;
    for (const char *method : {"cbq", "mgrq", "omniquant-lwc-learned"}) {
        const nlohmann::json few{{"iterations", 3}, {"batch_size", 4}, {"samples", 8}};
        request.recipe = uniformRecipe("", choice(method, few), ActivationChoice{});
        const auto many = executeRun(request, {}, findings, RunContext{{}, nullptr, 4});
        const auto single = executeRun(request, {}, findings, RunContext{{}, nullptr, 1});
        ASSERT_TRUE(many && single);
        EXPECT_EQ(allCodes(**many), allCodes(**single)) << method;
    }
}

/// Presses Cancel when a block has begun.
class CancelSink final : public ProgressSink {
public:
    void step(std::int64_t, std::int64_t, std::string_view stage) override {
        if (stage.find(", loss ") != std::string_view::npos)
            source.request_stop();
    }
    std::stop_source source;
};

TEST(BlockRuns, CancelEndsEveryMethod) {
    RunRequest request = cnnRequest();
    FindingList findings;
    for (const char *method : {"brecq", "qdrop", "cbq", "mgrq", "omniquant-lwc-learned"}) {
        request.recipe =
            uniformRecipe("", choice(method, {{"iterations", 50}, {"samples", 8}}), std::nullopt);
        CancelSink sink;
        const auto run = executeRun(request, {}, findings, RunContext{sink.source.get_token(), &sink, 2});
        ASSERT_FALSE(run) << method;
        EXPECT_EQ(run.error().code, ErrorCode::Cancelled) << method << ": " << run.error().text();
    }
}

class ShareSink final : public ProgressSink {
public:
    void step(std::int64_t done, std::int64_t total, std::string_view stage) override {
        shares.push_back(static_cast<double>(done) / static_cast<double>(total));
        if (stage.find("rounding") != std::string_view::npos)
            rounding.push_back(shares.back());
    }
    std::vector<double> shares, rounding;
};

TEST(BlockRuns, ProgressNeverFallsAndGoesMostlyToTheBlocks) {
    RunRequest request = cnnRequest();
    FindingList findings;
    request.recipe = uniformRecipe("", choice("brecq", quickWith()), std::nullopt);
    ShareSink sink;
    ASSERT_TRUE(executeRun(request, {}, findings, RunContext{{}, &sink, 1}));
    EXPECT_TRUE(std::ranges::is_sorted(sink.rounding));
    // From the baseline to the total, nearly all of the bar.
    EXPECT_NEAR(sink.rounding.front(), 0.25, 0.03);
    EXPECT_NEAR(sink.rounding.back(), 0.85, 0.03);
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
