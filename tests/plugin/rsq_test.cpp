// RSQ on the sample models: the way from the attention of calibration samples to codes.
#include "core/analysis/quantize_layer.h"
#include "core/io/calibration_set.h"
#include "tests/support/bundled_methods.h"
#include "tests/support/sample_run.h"

#include <gmock/gmock.h>

namespace qs::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

WeightChoice choiceOf(const char *method, nlohmann::json parameters) {
    WeightChoice choice;
    choice.method = method;
    choice.scheme.grid.bits = 3;
    choice.parameters = std::move(parameters);
    return choice;
}

/// A sample model, calibrated for some choices of its weights.
class Bench {
public:
    Bench(const char *model, const char *calibration, const std::vector<WeightChoice> &choices)
        : m_methods(bundledMethods(m_findings)), m_model(openSample(fs::path(QS_SAMPLE_DATA) / model)) {
        const auto set = *CalibrationSet::open(fs::path(QS_SAMPLE_DATA) / calibration, {});
        CaptureOptions options;
        options.maxSamples = 8;
        for (const WeightChoice &choice : choices)
            options.hessians.merge(neededHessians(*m_model, uniformRecipe({}, choice, {}), *m_methods));
        auto capture = captureActivations(**Executor::create(m_model), *set, options, m_findings, {});
        EXPECT_TRUE(capture) << capture.error().text();
        m_capture = *capture;
    }

    Result<QuantizedLayer> quantize(const std::string &layer, const WeightChoice &choice) {
        const Layer *found = m_model->findLayer(layer);
        EXPECT_NE(found, nullptr) << layer;
        return quantizeLayer(*m_model, *found, {choice, {}},
                             m_capture->layers[static_cast<std::size_t>(found->id)].get(), *m_methods, 0,
                             m_findings, {});
    }
    std::vector<std::int16_t> codes(const std::string &layer, const WeightChoice &choice) {
        const auto quantized = quantize(layer, choice);
        EXPECT_TRUE(quantized) << quantized.error().text();
        return quantized ? quantized->weight->codes : std::vector<std::int16_t>();
    }
    const Model &model() const { return *m_model; }
    std::size_t findings() const { return m_findings.snapshot().size(); }

private:
    FindingList m_findings;
    std::shared_ptr<const MethodRegistry> m_methods;
    std::shared_ptr<const Model> m_model;
    std::shared_ptr<const Capture> m_capture;
};

TEST(Rsq, ConstantImportanceIsGptqBitForBit) {
    const WeightChoice gptq = choiceOf("gptq", {});
    const WeightChoice constant = choiceOf("rsq", {{"importance", "first"}, {"first", 100000}});
    const WeightChoice attention = choiceOf("rsq", {{"smallest", 0.01}});
    Bench bench("tiny-llama.onnx", "tiny-llama-calib.h5", {gptq, constant, attention});
    int differ = 0;
    for (const Layer &layer : bench.model().layers) {
        if (layer.kind == LayerKind::Embedding)
            continue;
        const auto plain = bench.codes(layer.name, gptq);
        EXPECT_EQ(plain, bench.codes(layer.name, constant)) << layer.name;
        differ += plain != bench.codes(layer.name, attention) ? 1 : 0;
    }
    EXPECT_GT(differ, 10);
}

TEST(Rsq, VisionTransformersAreWeightedByTheirAttention) {
    const WeightChoice gptq = choiceOf("gptq", {}), rsq = choiceOf("rsq", {});
    Bench bench("glyph-vit.onnx", "glyph-calib.h5", {gptq, rsq});
    int differ = 0, layers = 0;
    for (const Layer &layer : bench.model().layers) {
        differ += bench.codes(layer.name, gptq) != bench.codes(layer.name, rsq) ? 1 : 0;
        ++layers;
    }
    EXPECT_GE(differ, 16) << "of " << layers;
}

TEST(Rsq, ModelsWithoutAttentionAreRefusedWithReason) {
    const WeightChoice rsq = choiceOf("rsq", {}), norm = choiceOf("rsq", {{"importance", "norm"}});
    Bench bench("glyph-cnn.onnx", "glyph-calib.h5", {rsq});
    const auto quantized = bench.quantize(bench.model().layers.back().name, rsq);
    ASSERT_FALSE(quantized);
    EXPECT_EQ(quantized.error().code, ErrorCode::InvalidArgument);
    EXPECT_THAT(quantized.error().message, HasSubstr("RSQ needs to know which tokens matter"));
    EXPECT_THAT(quantized.error().message, HasSubstr("0 Softmax nodes"));
    // What was not asked for before calibration is missing, which is another matter.
    EXPECT_EQ(bench.quantize(bench.model().layers.back().name, norm).error().code, ErrorCode::NotFound);
}

} // namespace
} // namespace qs::test
