// Every transform on every sample model: the function of the float model stays, also where nothing can take
// the change and an operator is added; and what a run makes of it can be exported.
#include "core/transform/prepare_model.h"

#include "core/export/exporter.h"
#include "core/io/importer.h"
#include "core/session/run.h"
#include "core/transform/residual_rotation.h"
#include "core/transform/site_folding.h"
#include "tests/support/bundled_methods.h"
#include "tests/support/temp_dir.h"

#include <set>

namespace qs {
namespace {

struct Sample {
    const char *model, *data;
    bool outliers = false;
};
constexpr Sample kSampleModels[] = {{"glyph-cnn.onnx", "glyph-calib.h5"},
                                    {"glyph-vit.onnx", "glyph-calib.h5"},
                                    {"tiny-llama.onnx", "tiny-llama-calib.h5"},
                                    {"glyph-dit.onnx", "glyph-dit-calib.h5"},
                                    {"tiny-llama.onnx", "tiny-llama-calib.h5", true}};
constexpr std::int64_t kSamples = 8;
constexpr double kSameFunction = 1e-5;

/// The same function with a few channels of every folded activation 20 to 100 times as large, as large
/// language models have them.
std::shared_ptr<const Model> withOutliers(const std::shared_ptr<const Model> &model) {
    ModelEditor editor(model);
    int changed = 0;
    for (const Site &site : findSites(*model)) {
        if (site.source.kind != SiteProducer::Norm)
            continue;
        SiteChange change;
        change.scale.assign(static_cast<std::size_t>(site.channels), 1.0F);
        for (std::size_t i = 0; i < 6; ++i)
            change.scale[(7 + 29 * i) % change.scale.size()] = 1.0F / static_cast<float>(20 + 16 * i);
        EXPECT_TRUE(applyChange(site, change, editor));
        ++changed;
    }
    EXPECT_GT(changed, 0);
    return *editor.finish();
}

RunRequest openSample(const Sample &sample) {
    const std::filesystem::path folder = QS_SAMPLE_DATA;
    FindingList findings;
    RunRequest request;
    auto model = openModel(folder / sample.model, findings, {});
    EXPECT_TRUE(model) << model.error().text();
    request.model = sample.outliers ? withOutliers(*model) : *model;
    auto executor = Executor::create(request.model);
    EXPECT_TRUE(executor) << executor.error().text();
    request.executor = *executor;
    auto set = CalibrationSet::open(folder / sample.data, {});
    EXPECT_TRUE(set) << set.error().text();
    request.calibration = *set;
    request.calibrationSamples = request.evaluationSamples = kSamples;
    request.measureInNetwork = false;
    request.methods = test::bundledMethods(findings);
    EXPECT_EQ(findings.snapshot().size(), 0U);
    return request;
}

Recipe recipeWith(const std::string &transform, nlohmann::json parameters = nlohmann::json::object()) {
    WeightChoice weights;
    weights.scheme.grid.bits = 4;
    Recipe recipe = uniformRecipe({}, weights, ActivationChoice{});
    recipe.transforms.push_back({".*", {transform, std::move(parameters)}});
    return recipe;
}

Result<PreparedModel> prepare(const RunRequest &request, const Recipe &recipe, FindingList &findings) {
    return prepareModel(
        {request.model, request.executor, request.calibration, kSamples, request.methods, &recipe}, findings,
        {});
}

/// Few steps of learning, for time; operators of its own wherever a method can add them.
nlohmann::json testParameters(const ParameterSchema &schema) {
    const nlohmann::json wanted = {
        {"epochs", 2}, {"steps_per_epoch", 2}, {"steps", 3}, {"insert_operators", true}};
    nlohmann::json parameters = nlohmann::json::object();
    for (const Parameter &parameter : schema.parameters())
        if (wanted.contains(parameter.name))
            parameters[parameter.name] = wanted[parameter.name];
    return parameters;
}

class EveryTransform : public testing::TestWithParam<Sample> {};

TEST_P(EveryTransform, KeepsTheFunction) {
    const RunRequest request = openSample(GetParam());
    ASSERT_GE(request.methods->transforms().size(), 10U);
    int changed = 0;
    for (const auto &transform : request.methods->transforms()) {
        SCOPED_TRACE(transform->info().id);
        FindingList findings;
        const Recipe recipe = recipeWith(transform->info().id, testParameters(transform->schema()));
        const auto prepared = prepare(request, recipe, findings);
        if (!prepared) { // one that does not fit the model says why
            EXPECT_EQ(prepared.error().code, ErrorCode::Unsupported) << prepared.error().text();
            EXPECT_FALSE(prepared.error().message.empty());
            continue;
        }
        EXPECT_LE(prepared->largestChange, kSameFunction);
        EXPECT_EQ(prepared->model->layers.size(), request.model->layers.size());
        EXPECT_FALSE(findings.snapshot().empty()) << "what it did, or why it did nothing";
        changed += prepared->edits.empty() ? 0 : 1;
    }
    EXPECT_GE(changed, 2);
}

INSTANTIATE_TEST_SUITE_P(Samples, EveryTransform, testing::ValuesIn(kSampleModels), [](const auto &sample) {
    std::string name = std::string(sample.param.model) + (sample.param.outliers ? "outliers" : "");
    std::erase_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; });
    return name;
});

std::set<std::string> constantsChanged(const PreparedModel &prepared) {
    std::set<std::string> names;
    for (const GraphEdit::Constant &constant : prepared.edits.at(0).constants)
        names.insert(constant.name);
    return names;
}

TEST(PrepareModel, ResidualRotationOfALlamaAddsNoOperator) {
    const RunRequest request = openSample(kSampleModels[2]);
    const auto stream = findResidualStream(*request.model);
    ASSERT_TRUE(stream) << stream.error().text();
    EXPECT_EQ(stream->width, 256);
    EXPECT_EQ(stream->writers.size(), 8U); // attention and MLP of four layers
    EXPECT_EQ(stream->readers.size(), 9U); // their norms, and the last one
    FindingList findings;
    const auto prepared = prepare(request, recipeWith("quarot"), findings);
    ASSERT_TRUE(prepared) << prepared.error().text();
    ASSERT_EQ(prepared->edits.size(), 1U);
    EXPECT_TRUE(prepared->edits[0].nodes.empty());
    EXPECT_EQ(prepared->model->graph.nodes().size(), request.model->graph.nodes().size());
    EXPECT_TRUE(constantsChanged(*prepared).contains("model.layers.0.input_layernorm.weight"));
}

TEST(PrepareModel, RotationsAtRunTimeAreOperatorsInFrontOfProjections) {
    const RunRequest request = openSample(kSampleModels[2]);
    for (const auto &[online, products] : {std::pair("mlp", 4U), std::pair("all", 8U)}) {
        SCOPED_TRACE(online);
        FindingList findings;
        const auto prepared = prepare(request, recipeWith("quarot", {{"online", online}}), findings);
        ASSERT_TRUE(prepared) << prepared.error().text();
        EXPECT_LE(prepared->largestChange, kSameFunction);
        ASSERT_EQ(prepared->edits.size(), 1U);
        EXPECT_EQ(prepared->edits[0].nodes.size(), products);
        EXPECT_TRUE(constantsChanged(*prepared).contains("model.layers.0.input_layernorm.weight"));
    }
}

TEST(PrepareModel, ResidualRotationOfAConvolutionalNetworkIsRefused) {
    const RunRequest request = openSample(kSampleModels[0]);
    FindingList findings;
    const auto prepared = prepare(request, recipeWith("quarot"), findings);
    ASSERT_FALSE(prepared);
    EXPECT_THAT(prepared.error().text(), testing::HasSubstr("no embedding"));
}

TEST(PrepareModel, ChannelsOfConvolutionsAreEqualizedThroughBatchNormAndRelu6) {
    const RunRequest request = openSample(kSampleModels[0]);
    FindingList findings;
    const auto prepared = prepare(request, recipeWith("cross-layer-equalization"), findings);
    ASSERT_TRUE(prepared) << prepared.error().text();
    EXPECT_LE(prepared->largestChange, kSameFunction);
    const auto bounds = std::count_if(prepared->edits.at(0).nodes.begin(), prepared->edits.at(0).nodes.end(),
                                      [](const GraphEdit::NewNode &node) { return node.opType == "Min"; });
    EXPECT_EQ(bounds, 13);
}

TEST(PrepareModel, TransformThatFitsNowhereIsRefused) {
    const RunRequest request = openSample(kSampleModels[2]);
    FindingList findings;
    const auto prepared = prepare(request, recipeWith("repq-vit"), findings); // RMSNorm has no bias
    ASSERT_FALSE(prepared);
    EXPECT_EQ(prepared.error().code, ErrorCode::Unsupported);
    EXPECT_THAT(prepared.error().text(), testing::HasSubstr("LayerNorm"));
}

TEST(PrepareModel, UnknownTransformAndMissingCalibrationAreErrors) {
    RunRequest request = openSample(kSampleModels[1]);
    FindingList findings;
    auto prepared = prepare(request, recipeWith("no-such"), findings);
    ASSERT_FALSE(prepared);
    EXPECT_EQ(prepared.error().code, ErrorCode::InvalidArgument);
    EXPECT_THAT(prepared.error().text(), testing::HasSubstr("no-such"));
    request.calibration = nullptr;
    prepared = prepare(request, recipeWith("smoothquant"), findings);
    ASSERT_FALSE(prepared);
    EXPECT_EQ(prepared.error().code, ErrorCode::NotFound);
}

TEST(PrepareModel, ChainsAreAppliedInOrderAndCancelled) {
    const RunRequest request = openSample(kSampleModels[2]);
    Recipe recipe = recipeWith("quarot");
    recipe.transforms.push_back({".*", {"smoothquant", nlohmann::json::object()}});
    FindingList findings;
    const auto prepared = prepare(request, recipe, findings);
    ASSERT_TRUE(prepared) << prepared.error().text();
    EXPECT_EQ(prepared->edits.size(), 2U);
    EXPECT_LE(prepared->largestChange, kSameFunction);
    std::stop_source stop;
    stop.request_stop();
    const auto cancelled = prepareModel(
        {request.model, request.executor, request.calibration, kSamples, request.methods, &recipe}, findings,
        RunContext{stop.get_token()});
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code, ErrorCode::Cancelled);
}

TEST(PrepareModel, ExportedModelComputesWhatTheRunComputes) {
    const std::tuple<Sample, const char *, nlohmann::json> cases[] = {
        {kSampleModels[0], "cross-layer-equalization", nlohmann::json::object()},
        {kSampleModels[1], "smoothquant-bias", nlohmann::json::object()},
        {kSampleModels[2], "smoothquant", nlohmann::json::object()},
        {kSampleModels[2], "quarot", {{"online", "all"}}}};
    for (const auto &[sample, transform, parameters] : cases) {
        SCOPED_TRACE(transform);
        RunRequest request = openSample(sample);
        request.recipe = recipeWith(transform, parameters);
        FindingList findings;
        const auto run = executeRun(request, {}, findings, {});
        ASSERT_TRUE(run) << run.error().text();
        const TempDir folder;
        const std::filesystem::path file = folder.path() / "model.onnx";
        const auto report =
            findExporter("onnx-qdq")->write(**run, file, nlohmann::json::object(), findings, {});
        ASSERT_TRUE(report) << report.error().text();
        EXPECT_EQ(report->worstWeightDifference, 0);

        auto written = openModel(file, findings, {});
        ASSERT_TRUE(written) << written.error().text();
        auto executor = Executor::create(*written);
        ASSERT_TRUE(executor) << executor.error().text();
        const auto evaluator =
            Evaluator::create(request.executor, request.calibration, kSamples, findings, {});
        ASSERT_TRUE(evaluator);
        const auto metrics = (*evaluator)->evaluateModel(**executor, {});
        ASSERT_TRUE(metrics) << metrics.error().text();
        EXPECT_NEAR(metrics->error.sqnrDb(), (*run)->total->error.sqnrDb(), 0.1);
    }
}

} // namespace
} // namespace qs
