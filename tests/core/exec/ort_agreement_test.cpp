#include "core/exec/executor.h"
#include "core/io/calibration_set.h"
#include "core/io/importer.h"
#include "core/tensor/convert.h"

#include <fmt/format.h>
#include <fstream>

namespace qs {
namespace {

namespace fs = std::filesystem;

/// One entry of tests/golden/ort_outputs/index.json: what ONNX Runtime computed for a sample model.
struct OrtCase {
    std::string model, data;
    std::int64_t samples = 0;
    std::vector<std::int64_t> shape;
    std::vector<float> output;
};

std::vector<OrtCase> ortCases() {
    const fs::path folder = fs::path(QS_TEST_DATA) / "ort_outputs";
    std::ifstream stream(folder / "index.json");
    std::vector<OrtCase> cases;
    const nlohmann::json index = nlohmann::json::parse(stream);
    for (const auto &entry : index["cases"]) {
        OrtCase golden{entry["model"], entry["data"], entry["samples"], entry["shape"], {}};
        golden.output.resize(static_cast<std::size_t>(Shape(golden.shape).numel()));
        std::ifstream values(folder / (golden.model + ".f32"), std::ios::binary);
        values.read(reinterpret_cast<char *>(golden.output.data()),
                    static_cast<std::streamsize>(golden.output.size() * sizeof(float)));
        EXPECT_TRUE(values) << golden.model;
        cases.push_back(std::move(golden));
    }
    return cases;
}

/// max |a - b| / max |b|
double relativeDifference(std::span<const float> a, std::span<const float> b) {
    double difference = 0, largest = 0;
    for (std::size_t i = 0; i < b.size(); ++i) {
        difference = std::max(difference, std::fabs(static_cast<double>(a[i]) - b[i]));
        largest = std::max(largest, std::fabs(static_cast<double>(b[i])));
    }
    return difference / largest;
}

struct Opened {
    std::shared_ptr<const Model> model;
    std::vector<Tensor> inputs;
};

Opened openCase(const OrtCase &golden) {
    FindingList findings;
    const fs::path samples = QS_SAMPLE_DATA;
    auto model = openModel(samples / (golden.model + ".onnx"), findings, {});
    EXPECT_TRUE(model) << model.error().text();
    auto set = CalibrationSet::open(samples / (golden.data + ".h5"), {});
    EXPECT_TRUE(set) << set.error().text();
    auto inputs = readModelInputs(**set, (*model)->graph, 0, golden.samples);
    EXPECT_TRUE(inputs) << inputs.error().text();
    return {*model, *inputs};
}

TEST(SampleModels, AgreeWithOnnxRuntimeOnEitherBackend) {
    const auto cases = ortCases();
    EXPECT_EQ(cases.size(), 4u);
    for (const OrtCase &golden : cases) {
        const Opened opened = openCase(golden);
        for (const bool useOneDnn : {false, true}) {
            const auto executor = Executor::create(opened.model, {useOneDnn});
            ASSERT_TRUE(executor) << executor.error().text();
            const auto outputs = (*executor)->run(opened.inputs, {}, {});
            ASSERT_TRUE(outputs) << outputs.error().text();
            ASSERT_EQ(outputs->front().shape(), Shape(golden.shape));
            const double difference = relativeDifference(outputs->front().values<float>(), golden.output);
            EXPECT_LT(difference, 1e-4) << golden.model << (useOneDnn ? " oneDNN" : " reference");
            testing::Test::RecordProperty(golden.model + (useOneDnn ? "_onednn" : "_reference"),
                                          fmt::format("{:.2g}", difference));
        }
    }
}

TEST(SampleModels, GiveTheSameBitsOnOneAndTwoThreads) {
    for (const OrtCase &golden : ortCases()) {
        const Opened opened = openCase(golden);
        const auto executor = *Executor::create(opened.model);
        std::vector<std::vector<float>> results;
        for (const int threads : {1, 2}) {
            RunContext ctx;
            ctx.maxThreads = threads;
            const auto outputs = executor->run(opened.inputs, {}, ctx);
            ASSERT_TRUE(outputs) << outputs.error().text();
            const auto values = outputs->front().values<float>();
            results.emplace_back(values.begin(), values.end());
        }
        EXPECT_EQ(results[0], results[1]) << golden.model;
    }
}

/// A layer somewhere in the middle with its weight halved.
PassOptions halvedLayer(const Model &model, const Layer &layer) {
    Tensor weight = *toFloat32(*model.graph.constant(layer.weight));
    std::vector<float> halved(weight.values<float>().begin(), weight.values<float>().end());
    for (float &value : halved)
        value *= 0.5f;
    PassOptions options;
    options.weights[{layer.node, layer.weightIndex}] = Tensor::fromValues<float>(weight.shape(), halved);
    return options;
}

TEST(SampleModels, PrefixReuseGivesTheSameBitsAsAFullRun) {
    for (const OrtCase &golden : ortCases()) {
        const Opened opened = openCase(golden);
        const auto executor = *Executor::create(opened.model);
        const Layer &layer = opened.model->layers[opened.model->layers.size() / 2];
        const PassOptions options = halvedLayer(*opened.model, layer);
        auto prefix = executor->begin(opened.inputs, {});
        ASSERT_TRUE(prefix);
        ASSERT_TRUE(executor->advance(*prefix, layer.node, {}, {}));
        const auto reused = executor->finish(*prefix, options, {});
        const auto again = executor->finish(std::move(*prefix), options, {});
        const auto full = executor->run(opened.inputs, options, {});
        const auto plain = executor->run(opened.inputs, {}, {});
        ASSERT_TRUE(reused && again && full && plain);
        const auto bits = [](const Result<std::vector<Tensor>> &outputs) {
            const auto values = outputs->front().values<float>();
            return std::vector<float>(values.begin(), values.end());
        };
        EXPECT_EQ(bits(reused), bits(full)) << golden.model << " " << layer.name;
        EXPECT_EQ(bits(again), bits(full)) << golden.model << " " << layer.name;
        EXPECT_NE(bits(plain), bits(full)) << golden.model << " " << layer.name;
    }
}

} // namespace
} // namespace qs
