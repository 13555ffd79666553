#include "core/analysis/quantize_layer.h"
#include "core/analysis/sensitivity.h"
#include "core/io/importer.h"
#include "tests/core/exec/memory_set.h"
#include "tests/core/exec/small_model.h"

namespace qs {
namespace {

const std::filesystem::path kSamples = QS_SAMPLE_DATA;

struct Sample {
    std::shared_ptr<const Model> model;
    std::shared_ptr<const Executor> executor;
    std::shared_ptr<const CalibrationSet> set;
    MethodRegistry methods;
};

const Sample &vit() {
    static const Sample sample = [] {
        Sample opened;
        FindingList findings;
        opened.model = *openModel(kSamples / "glyph-vit.onnx", findings, {});
        opened.executor = *Executor::create(opened.model);
        opened.set = *CalibrationSet::open(kSamples / "glyph-eval.h5", {});
        EXPECT_TRUE(opened.methods.add(makeRtnQuantizer()));
        return opened;
    }();
    return sample;
}

QuantizedLayer quantized(LayerId id, int bits) {
    LayerChoice choice;
    choice.weight.emplace();
    choice.weight->scheme.grid.bits = bits;
    const Sample &sample = vit();
    FindingList findings;
    return *quantizeLayer(*sample.model, sample.model->layers[static_cast<std::size_t>(id)], choice, nullptr,
                          sample.methods, 0, findings, {});
}

TEST(FakeQuantize, ClampsAndKeepsZeroExact) {
    GridScheme scheme;
    scheme.bits = 2;
    scheme.convention = GridConvention::Asymmetric;
    const ScaleZero grid{0.5f, 1};
    const std::vector<float> values = {-3.0f, -0.5f, 0.0f, 0.25f, 0.75f, 9.0f};
    const Tensor result = fakeQuantize(Tensor::fromValues<float>({6}, values), grid, scheme);
    EXPECT_THAT(result.values<float>(), testing::ElementsAre(-0.5f, -0.5f, 0.0f, 0.0f, 1.0f, 1.0f));
}

TEST(Evaluator, AloneEqualsAFullRunWithOnlyThatLayer) {
    const Sample &sample = vit();
    FindingList findings;
    const auto evaluator = Evaluator::create(sample.executor, sample.set, 40, findings, {});
    ASSERT_TRUE(evaluator) << evaluator.error().text();
    // Forwards along the network, then back to an early layer: the carried prefix must not matter.
    for (const LayerId id : {1, 7, static_cast<LayerId>(sample.model->layers.size()) - 1, 2}) {
        const std::vector<QuantizedLayer> variants = {quantized(id, 3), quantized(id, 8)};
        const auto alone = (*evaluator)->evaluateAlone(variants, {});
        ASSERT_TRUE(alone) << alone.error().text();
        for (std::size_t v = 0; v < variants.size(); ++v) {
            const auto full = (*evaluator)->evaluate(std::span(&variants[v], 1), {});
            ASSERT_TRUE(full);
            EXPECT_EQ((*alone)[v].network.error.sumSquaredError, full->error.sumSquaredError) << id;
            EXPECT_EQ((*alone)[v].network.sumKl, full->sumKl) << id;
            EXPECT_GT((*alone)[v].layerOutput.sumSquaredError, 0.0);
        }
        EXPECT_GT((*alone)[1].layerOutput.sqnrDb(), (*alone)[0].layerOutput.sqnrDb() + 20);
    }
}

TEST(Evaluator, BaselineIsTheQualityOfTheFloatModel) {
    const Sample &sample = vit();
    FindingList findings;
    const auto evaluator = Evaluator::create(sample.executor, sample.set, 0, findings, {});
    ASSERT_TRUE(evaluator);
    EXPECT_NEAR((*evaluator)->baseline().top1().value(), 0.897, 0.0005); // sample-data/README.md
    EXPECT_EQ((*evaluator)->baseline().top1Agreement().value(), 1.0);
    EXPECT_EQ((*evaluator)->baseline().klNats().value(), 0.0);
}

/// x [n, 3] → logits; the classes that the largest of them name; both, or only the classes, are outputs.
std::shared_ptr<const Executor> classifier(bool givesLogits, float bias) {
    SmallModel model;
    model.input("x", DType::Float32, {-1, 3}).floats("bias", {3}, {bias, 0, 0});
    model.node("Add", {"x", "bias"}, {"logits"})
        .node("ArgMax", {"logits"}, {"class"}, {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}});
    if (givesLogits)
        model.output("class").node("Identity", {"logits"}, {"scores"});
    return model.executor();
}

TEST(Evaluator, ClassesAgreeOrNotAndHaveNoError) {
    const std::vector<float> values = {0, 1, 5, 4, 3, 2, 0, 7, 6, 1, 0, 8}; // classes 2, 0, 1, 2
    const auto set = std::make_shared<MemorySet>(Tensor::fromValues<float>({4, 3}, values));
    for (const bool givesLogits : {false, true}) {
        SCOPED_TRACE(givesLogits);
        FindingList findings;
        const auto evaluator = Evaluator::create(classifier(givesLogits, 0), set, 0, findings, {});
        ASSERT_TRUE(evaluator) << evaluator.error().text();
        const auto metrics =
            (*evaluator)->evaluateModel(*classifier(givesLogits, 7.5f), {}); // class 0, always
        ASSERT_TRUE(metrics) << metrics.error().text();
        EXPECT_EQ(metrics->predictions, 4);
        EXPECT_EQ(metricValue(*metrics, Metric::Top1Agreement), 25);
        EXPECT_EQ(metrics->error.count, givesLogits ? 12 : 0);
        EXPECT_EQ(metricValue(*metrics, Metric::Kl).has_value(), givesLogits);
        if (givesLogits) { // four times 7.5, and nothing of the classes
            EXPECT_DOUBLE_EQ(metrics->error.sumSquaredError, 4 * 7.5 * 7.5);
        } else {
            EXPECT_FALSE(metricValue(*metrics, Metric::OutputSqnr));
            EXPECT_EQ(
                whyNoMetric(*metrics, Metric::OutputSqnr),
                "The outputs of this model have no Output SQNR; they have: Top-1 agreement (agreement)");
        }
    }
}

/// Metrics of x [4, 3] against x + (7.5, 0, 0) behind an operator. \param outputs  of it, the last one last
OutputMetrics metricsBehind(const std::string &operation, const std::vector<std::string> &inputs,
                            const std::vector<std::string> &outputs, bool givesScores) {
    const auto network = [&](float bias) {
        SmallModel model;
        model.input("x", DType::Float32, {-1, 3}).ints("k", {2}).floats("limit", {1}, {2});
        model.floats("bias", {3}, {bias, 0, 0}).node("Add", {"x", "bias"}, {"logits"});
        model.node(operation, inputs, outputs);
        for (const std::string &name : outputs)
            if (givesScores || name != outputs.front())
                model.output(name);
        if (givesScores)
            model.node("Identity", {"logits"}, {"scores"});
        return model.executor();
    };
    const std::vector<float> values = {0, 1, 5, 4, 3, 2, 0, 7, 6, 1, 0, 8};
    const auto set = std::make_shared<MemorySet>(Tensor::fromValues<float>({4, 3}, values));
    FindingList findings;
    const auto evaluator = Evaluator::create(network(0), set, 0, findings, {});
    EXPECT_TRUE(evaluator) << evaluator.error().text();
    return *(*evaluator)->evaluateModel(*network(7.5f), {});
}

TEST(Evaluator, OnlyFloatScoresOfClassesHaveProbabilities) {
    for (const OutputMetrics &metrics : {metricsBehind("TopK", {"logits", "k"}, {"largest", "places"}, false),
                                         metricsBehind("Greater", {"logits", "limit"}, {"y"}, false)}) {
        EXPECT_EQ(metrics.predictions, 0);
        EXPECT_GT(metrics.error.count, 0);
    }
    for (const OutputMetrics &metrics : {metricsBehind("Shape", {"logits"}, {"y"}, true),
                                         metricsBehind("Greater", {"logits", "limit"}, {"y"}, true)}) {
        EXPECT_EQ(metrics.predictions, 4) << "the scores are the task";
        EXPECT_TRUE(metrics.klNats());
    }
    EXPECT_EQ(metricsBehind("Shape", {"logits"}, {"y"}, true).error.count, 12) << "a size has no error";
}

TEST(Evaluator, TellsWhichSamplesAreAnsweredWithNaN) {
    SmallModel model;
    model.input("x", DType::Float32, {-1, 2});
    const auto executor = model.node("Relu", {"x"}, {"y"}).executor();
    std::vector<float> values(80, 1.0f);
    values[2 * 35] = NAN; // in the second batch of 32 samples
    const auto set = std::make_shared<MemorySet>(Tensor::fromValues<float>({40, 2}, values));
    FindingList findings;
    ASSERT_TRUE(Evaluator::create(executor, set, 32, findings, {}));
    EXPECT_TRUE(findings.snapshot().empty());
    ASSERT_TRUE(Evaluator::create(executor, set, 0, findings, {}));
    ASSERT_EQ(findings.snapshot().size(), 1U);
    EXPECT_EQ(
        findings.snapshot()[0].finding.what,
        "the float model answers samples 32 to 39 with 1 NaN values: errors of the outputs are NaN too");
}

TEST(MeasureSensitivity, FillsRowByRowAndFallsWithBits) {
    const Sample &sample = vit();
    FindingList findings;
    const auto evaluator = Evaluator::create(sample.executor, sample.set, 16, findings, {});
    ASSERT_TRUE(evaluator);
    SensitivityOptions options;
    options.layers = {9, 0, 4};
    std::vector<int> filled;
    const auto table = measureSensitivity(
        **evaluator, *sample.model, nullptr, sample.methods, options,
        [&](std::shared_ptr<const SensitivityTable> part) {
            filled.push_back(static_cast<int>(std::count_if(
                part->cells.begin(), part->cells.end(), [](const auto &cell) { return cell.has_value(); })));
        },
        findings, {});
    ASSERT_TRUE(table) << table.error().text();
    EXPECT_TRUE((*table)->complete);
    EXPECT_THAT((*table)->layers, testing::ElementsAre(0, 4, 9));
    EXPECT_THAT(filled, testing::ElementsAre(4, 8, 12));
    for (std::size_t row = 0; row < 3; ++row)
        for (std::size_t column = 1; column < 4; ++column)
            EXPECT_GT((*table)->cell(row, column)->network.error.sqnrDb(),
                      (*table)->cell(row, column - 1)->network.error.sqnrDb());
}

TEST(MeasureSensitivity, EachLayerIsMeasuredAsTheRecipeSays) {
    const Sample &sample = vit();
    FindingList findings;
    const auto evaluator = Evaluator::create(sample.executor, sample.set, 4, findings, {});
    ASSERT_TRUE(evaluator);
    SensitivityOptions options;
    options.layers = {0, 4};
    options.bits = {3};
    const auto measure = [&] {
        const auto table = measureSensitivity(**evaluator, *sample.model, nullptr, sample.methods, options,
                                              {}, findings, {});
        EXPECT_EQ((*table)->methodVersions.size(), 1U);
        return std::pair{(*table)->cell(0, 0)->network.error.sqnrDb(),
                         (*table)->cell(1, 0)->network.error.sqnrDb()};
    };
    const auto perChannel = measure();
    WeightChoice perTensor;
    perTensor.scheme.granularity = Granularity::PerTensor;
    options.recipe = uniformRecipe("mixed", perTensor, {});
    options.recipe.rules.front().layers = sample.model->layers[4].name;
    const auto mixed = measure();
    EXPECT_EQ(mixed.first, perChannel.first);
    EXPECT_LT(mixed.second, perChannel.second);
}

TEST(MeasureSensitivity, UnknownMethodIsAFindingPerCell) {
    const Sample &sample = vit();
    FindingList findings;
    const auto evaluator = Evaluator::create(sample.executor, sample.set, 4, findings, {});
    ASSERT_TRUE(evaluator);
    SensitivityOptions options;
    options.layers = {0};
    options.bits = {4};
    WeightChoice nonsense;
    nonsense.method = "nonsense";
    options.recipe = uniformRecipe("nonsense", nonsense, {});
    const auto table =
        measureSensitivity(**evaluator, *sample.model, nullptr, sample.methods, options, {}, findings, {});
    ASSERT_TRUE(table);
    EXPECT_FALSE((*table)->cells[0]);
    EXPECT_THAT(findings.snapshot().at(0).finding.what, testing::HasSubstr("'nonsense'"));
}

} // namespace
} // namespace qs
