#include "core/session/run_errors.h"

#include "core/io/importer.h"
#include "core/session/recipe_network.h"
#include "tests/support/bundled_methods.h"

namespace qs {
namespace {

const std::filesystem::path kSamples = QS_SAMPLE_DATA;

RunRequest openVit() {
    FindingList findings;
    RunRequest request;
    request.model = *openModel(kSamples / "glyph-vit.onnx", findings, {});
    request.executor = *Executor::create(request.model);
    request.calibration = *CalibrationSet::open(kSamples / "glyph-calib.h5", {});
    request.methods = test::bundledMethods(findings);
    request.calibrationSamples = request.evaluationSamples = 8;
    request.measureInNetwork = false;
    return request;
}

/// Operators of its own in front of some layers, scales folded into others.
std::shared_ptr<const qs::Run> smoothed(RunRequest &request, const std::string &layers) {
    WeightChoice weights;
    weights.scheme.grid.bits = 4;
    request.recipe = uniformRecipe("smooth", weights, {});
    request.recipe.rules.front().layers = layers;
    request.recipe.transforms.push_back({".*", {"smoothquant", {{"insert_operators", true}}}});
    FindingList findings;
    auto run = executeRun(request, {}, findings, {});
    EXPECT_TRUE(run) << run.error().text();
    return *run;
}

TEST(RunErrors, WithoutQuantizationEveryNodeOfATransformedNetworkIsExact) {
    RunRequest request = openVit();
    const auto run = smoothed(request, "no such layer");
    const auto errors = measureRunErrors(*run, *request.executor, *request.calibration, 4, {});
    ASSERT_TRUE(errors) << errors.error().text();
    EXPECT_GT(errors->added, 0);
    ASSERT_EQ(errors->nodes->nodes.size(), run->prepared->model->graph.nodes().size());
    for (const auto &node : errors->nodes->nodes)
        if (node) {
            EXPECT_EQ(node->accumulatedDb(), ErrorMetrics::kMaxSqnrDb);
        }
    EXPECT_THAT(errors->note, testing::HasSubstr("smoothquant"));
}

TEST(RunErrors, OnTheOpenedGraphNodesHaveTheErrorsOfTheirNamesakes) {
    RunRequest request = openVit();
    const auto run = smoothed(request, ".*");
    const auto errors = measureRunErrors(*run, *request.executor, *request.calibration, 4, {});
    ASSERT_TRUE(errors) << errors.error().text();
    const ModelGraph &opened = run->model->graph, &prepared = run->prepared->model->graph;
    EXPECT_EQ(prepared.nodes().size(), opened.nodes().size() + static_cast<std::size_t>(errors->added));
    ASSERT_EQ(errors->opened->nodes.size(), opened.nodes().size());
    std::map<std::string, double> byName;
    for (std::size_t id = 0; id < prepared.nodes().size(); ++id)
        if (errors->nodes->nodes[id])
            byName[prepared.nodes()[id].name] = errors->nodes->nodes[id]->accumulatedDb();
    int compared = 0;
    for (std::size_t id = 0; id < opened.nodes().size(); ++id)
        if (const auto &error = errors->opened->nodes[id]) {
            EXPECT_EQ(error->accumulatedDb(), byName.at(opened.nodes()[id].name));
            ++compared;
        }
    EXPECT_GT(compared, 50);
    for (const Layer &layer : run->model->layers)
        EXPECT_TRUE(errors->opened->nodes[static_cast<std::size_t>(layer.node)]->own) << layer.name;
    // The last node is the output of the model, of which the run measured the same error.
    const double last = errors->opened->nodes.back()->accumulatedDb();
    EXPECT_LT(last, 40);
    EXPECT_GT(last, 0);
}

TEST(RecipeNetwork, IsTheOpenedModelWithoutTransformsAndTellsDecidedRanges) {
    const RunRequest request = openVit();
    Recipe recipe = uniformRecipe({}, WeightChoice{}, ActivationChoice{});
    const auto make = [&] {
        FindingList findings;
        auto network = makeRecipeNetwork(
            {request.model, request.executor, request.calibration, 8, request.methods, &recipe}, findings,
            {});
        EXPECT_TRUE(network) << network.error().text();
        return *network;
    };
    EXPECT_EQ(make().model, request.model);
    EXPECT_FALSE(make().activationRange(0));
    recipe.transforms.push_back({".*", {"repq-vit", nlohmann::json::object()}});
    const RecipeNetwork network = make();
    EXPECT_NE(network.model, request.model);
    ASSERT_FALSE(network.prepared->activationRanges.empty());
    const auto &[layer, range] = *network.prepared->activationRanges.begin();
    EXPECT_EQ(network.activationRange(layer)->hi, range.hi);
    EXPECT_EQ(transformNames(recipe), "repq-vit");
}

} // namespace
} // namespace qs
