#include "core/analysis/layer_measure.h"
#include "core/export/exporter.h"
#include "core/io/calibration_set.h"
#include "tests/ort/onnx_runtime.h"
#include "tests/support/bundled_methods.h"
#include "tests/support/extended_weights.h"
#include "tests/support/sample_run.h"
#include "tests/support/temp_dir.h"

#include <fmt/format.h>

namespace qs {
namespace {

constexpr double kLeastAgreement = 0.995, kLeastSqnrDb = 35;
constexpr std::int64_t kBatch = 50;

/// A sample model with the data it is quantized and judged on.
struct Sample {
    std::string model, calibration, evaluation;
};
const Sample kCnn{"glyph-cnn.onnx", "glyph-calib.h5", "glyph-eval.h5"};
const Sample kVit{"glyph-vit.onnx", "glyph-calib.h5", "glyph-eval.h5"};
const Sample kLlama{"tiny-llama.onnx", "tiny-llama-calib.h5", "tiny-llama-eval.h5"};
const Sample kDit{"glyph-dit.onnx", "glyph-dit-calib.h5", "glyph-dit-calib.h5"};

struct ExportCase {
    std::string name;
    Sample sample;
    WeightChoice weights;
    std::optional<ActivationChoice> activations;
    nlohmann::json options = {};
    std::vector<Extension> extensions = {}; ///< put into the layers after they were quantized
};

WeightChoice weights(int bits, GridConvention convention, Granularity granularity,
                     std::int64_t groupSize = 64) {
    WeightChoice choice;
    choice.scheme.grid.bits = bits;
    choice.scheme.grid.convention = convention;
    choice.scheme.granularity = granularity;
    choice.scheme.groupSize = groupSize;
    return choice;
}

ActivationChoice activations(int bits, GridConvention convention) {
    return {{bits, convention, {}, RoundingMode::HalfEven}};
}

/// Whether the whole is right for each model shows in the plain cases; here each extension meets each kind of
/// layer, with float and with quantized activations.
void addExtendedCases(std::vector<ExportCase> &cases) {
    const auto symmetric = GridConvention::SymmetricRestricted, asymmetric = GridConvention::Asymmetric;
    const WeightChoice w4 = weights(4, symmetric, Granularity::PerChannel);
    const WeightChoice w4Grouped = weights(4, asymmetric, Granularity::PerGroup);
    const ActivationChoice a8 = activations(8, asymmetric);
    for (const auto &[name, sample] :
         {std::pair("Cnn", kCnn), std::pair("Vit", kVit), std::pair("Llama", kLlama)}) {
        const std::string prefix = name;
        cases.push_back({prefix + "Branch", sample, w4, std::nullopt, {}, {Extension::Branch}});
        cases.push_back(
            {prefix + "BranchOffsetA8", sample, w4, a8, {}, {Extension::Branch, Extension::Offset}});
        cases.push_back({prefix + "KeptOffsetA8", sample, w4, a8, {}, {Extension::Kept, Extension::Offset}});
        cases.push_back(
            {prefix + "RealZeroPoints", sample, w4Grouped, std::nullopt, {}, {Extension::RealZeroPoints}});
        cases.push_back({prefix + "LevelsKeptBranchA8",
                         sample,
                         w4,
                         a8,
                         {},
                         {Extension::Levels, Extension::Kept, Extension::Branch}});
    }
}

std::vector<ExportCase> exportCases() {
    const auto symmetric = GridConvention::SymmetricRestricted, asymmetric = GridConvention::Asymmetric;
    const WeightChoice w8 = weights(8, symmetric, Granularity::PerChannel);
    const WeightChoice w4 = weights(4, asymmetric, Granularity::PerChannel);
    const WeightChoice w4Grouped = weights(4, symmetric, Granularity::PerGroup);
    const ActivationChoice a8 = activations(8, asymmetric);
    std::vector<ExportCase> cases;
    for (const auto &[name, sample] :
         {std::pair("Cnn", kCnn), std::pair("Vit", kVit), std::pair("Llama", kLlama)}) {
        const std::string prefix = name;
        cases.push_back({prefix + "W8A8", sample, w8, a8});
        cases.push_back({prefix + "W8", sample, w8, std::nullopt});
        cases.push_back({prefix + "W4PerChannel", sample, w4, std::nullopt});
        cases.push_back({prefix + "W4Group64", sample, w4Grouped, std::nullopt});
    }
    cases.push_back({"DitW8A8", kDit, w8, a8});
    cases.push_back({"CnnW8A8PerTensor", kCnn, weights(8, asymmetric, Granularity::PerTensor), a8});
    cases.push_back({"CnnW8A8Unsigned", kCnn, w8, a8, {{"activation_type", "uint8"}}});
    cases.push_back(
        {"VitW8A8SymmetricFloatBias", kVit, w8, activations(8, symmetric), {{"int32_bias", false}}});
    WeightChoice gptq = w4Grouped;
    gptq.method = "gptq";
    cases.push_back({"VitGptqW4Group64A8", kVit, gptq, a8});
    cases.push_back({"LlamaW3A6", kLlama,
                     weights(3, GridConvention::SymmetricOffset, Granularity::PerGroup, 32),
                     activations(6, asymmetric)});
    addExtendedCases(cases);
    return cases;
}

std::filesystem::path sampleFile(const std::string &name) {
    return std::filesystem::path(QS_SAMPLE_DATA) / name;
}

class ExportAgreement : public ::testing::TestWithParam<ExportCase> {
protected:
    void SetUp() override {
        m_model = openSample(sampleFile(GetParam().sample.model));
        ASSERT_TRUE(m_model);
        m_executor = Executor::create(m_model).value();
        m_calibration = CalibrationSet::open(sampleFile(GetParam().sample.calibration), {}).value();
        m_evaluation = CalibrationSet::open(sampleFile(GetParam().sample.evaluation), {}).value();
    }

    std::shared_ptr<const qs::Run> quantize() {
        RunRequest request;
        request.name = GetParam().name;
        request.model = m_model;
        request.executor = m_executor;
        request.calibration = m_calibration;
        request.methods = test::bundledMethods(m_findings);
        request.recipe = uniformRecipe(GetParam().name, GetParam().weights, GetParam().activations);
        request.measureInNetwork = false;
        request.evaluationSamples = 1; // Compared here instead, with ONNX Runtime.
        auto run = executeRun(request, {}, m_findings, {});
        EXPECT_TRUE(run) << run.error().text();
        return *run;
    }

    /// Outputs for the whole evaluation set, one tensor a batch.
    std::vector<Tensor> runHere(const Executor &executor, const PassOptions &options) const {
        std::vector<Tensor> outputs;
        for (std::int64_t begin = 0; begin < m_evaluation->samples(); begin += kBatch) {
            const std::int64_t end = std::min(begin + kBatch, m_evaluation->samples());
            auto inputs = readModelInputs(*m_evaluation, executor.model().graph, begin, end);
            EXPECT_TRUE(inputs) << inputs.error().text();
            auto results = executor.run(std::move(*inputs), options, {});
            EXPECT_TRUE(results) << results.error().text();
            outputs.push_back((*results)[0]);
        }
        return outputs;
    }

    std::vector<OrtJob> ortJobs(const std::filesystem::path &file) const {
        const ModelGraph &graph = m_model->graph;
        const auto tensors = readModelInputs(*m_evaluation, graph, 0, m_evaluation->samples()).value();
        OrtJob job{file, {}, "disabled", kBatch};
        for (std::size_t i = 0; i < tensors.size(); ++i)
            job.inputs.emplace_back(graph.value(graph.inputs()[i]).name, tensors[i]);
        OrtJob fused = job;
        fused.level = "all";
        return {job, fused};
    }

    static OutputMetrics compare(const std::vector<Tensor> &simulated, const std::vector<Tensor> &found) {
        OutputMetrics metrics;
        for (std::size_t i = 0; i < simulated.size(); ++i)
            metrics.add(simulated[i], found[i], {});
        return metrics;
    }

    /// The batches of a joined output.
    static std::vector<Tensor> split(const Tensor &joined, const std::vector<Tensor> &like) {
        std::vector<Tensor> parts;
        const float *values = joined.values<float>().data();
        for (const Tensor &batch : like) {
            const auto count = static_cast<std::size_t>(batch.numel());
            parts.push_back(Tensor::fromValues<float>(batch.shape(), std::span(values, count)));
            values += count;
        }
        return parts;
    }

    static std::string text(const OutputMetrics &metrics) {
        return fmt::format("{:.1f} dB, top-1 agreement {:.2f} %", metrics.error.sqnrDb(),
                           100 * metrics.top1Agreement().value_or(1));
    }

    TempDir m_folder;
    FindingList m_findings;
    std::shared_ptr<const Model> m_model;
    std::shared_ptr<const Executor> m_executor;
    std::shared_ptr<const CalibrationSet> m_calibration, m_evaluation;
};

/// The exported file computes in ONNX Runtime, and in our own executor, what was simulated.
TEST_P(ExportAgreement, RuntimeComputesWhatWasSimulated) {
    const auto run = std::make_shared<const qs::Run>(extendedRun(*quantize(), GetParam().extensions));
    const auto file = m_folder.path() / "exported.onnx";
    const auto report = findExporter("onnx-qdq")->write(*run, file, GetParam().options, m_findings, {});
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_LE(report->worstWeightDifference, GetParam().extensions.empty() ? 0 : 1e-6);
    EXPECT_TRUE(report->floatLayers.empty());

    const auto simulated = runHere(*m_executor, substitutions(*m_model, run->quantizedLayers()).value());
    const auto ort = runInOnnxRuntime(ortJobs(file));
    ASSERT_TRUE(ort) << ort.error().text();
    const OutputMetrics plain = compare(simulated, split((*ort)[0][0], simulated));
    const OutputMetrics fused = compare(simulated, split((*ort)[1][0], simulated));
    const auto reopened = Executor::create(openSample(file));
    ASSERT_TRUE(reopened) << reopened.error().text();
    const OutputMetrics own = compare(simulated, runHere(**reopened, {}));
    fmt::print("{} (opset {}): ONNX Runtime {}; with all fusions {}; own executor {}\n", GetParam().name,
               report->opset, text(plain), text(fused), text(own));

    EXPECT_GE(plain.error.sqnrDb(), kLeastSqnrDb);
    EXPECT_GE(plain.top1Agreement().value_or(1), kLeastAgreement);
    EXPECT_GE(own.error.sqnrDb(), kLeastSqnrDb);
    EXPECT_GE(own.top1Agreement().value_or(1), kLeastAgreement);
}

std::string caseName(const ::testing::TestParamInfo<ExportCase> &tested) {
    return tested.param.name;
}
INSTANTIATE_TEST_SUITE_P(Samples, ExportAgreement, ::testing::ValuesIn(exportCases()), caseName);

} // namespace
} // namespace qs
