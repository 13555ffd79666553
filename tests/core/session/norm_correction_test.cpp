#include "core/session/norm_correction.h"

#include "tests/support/sample_run.h"

#include <cmath>

namespace qs {
namespace {

const std::filesystem::path kSamples = QS_SAMPLE_DATA;
constexpr std::int64_t kSet = 8;

RunRequest requestFor(const char *model, const char *data) {
    WeightChoice weights;
    weights.scheme.grid.bits = 3;
    weights.corrections = {Correction::Norm};
    return sampleRequest(kSamples / model, kSamples / data, kSet, weights);
}

/// Mean over all tokens of a value of the graph, by channel.
std::vector<double> meanOf(const RunRequest &request, ValueId value, std::span<const QuantizedLayer> layers) {
    PassOptions options = *substitutions(*request.model, layers);
    std::vector<double> mean;
    double tokens = 0;
    options.taps[value] = [&](const Tensor &tensor) {
        const auto channels = static_cast<std::size_t>(tensor.shape()[tensor.shape().rank() - 1]);
        mean.resize(channels);
        for (std::size_t i = 0; i < tensor.values<float>().size(); ++i)
            mean[i % channels] += tensor.values<float>()[i];
        tokens = static_cast<double>(tensor.values<float>().size() / channels);
    };
    auto inputs = *readModelInputs(*request.calibration, request.model->graph, 0, kSet);
    EXPECT_TRUE(request.executor->run(std::move(inputs), options, {}));
    for (double &entry : mean)
        entry /= tokens;
    return mean;
}

TEST(DeviationSums, AddingTheMeanTakesItsSquareFromTheError) {
    const Tensor reference = sampleValues({40, 6}, 1, 2), quantized = sampleValues({40, 6}, 2);
    DeviationSums sums;
    sums.add(reference, quantized);
    const auto mean = sums.mean(), before = sums.meanSquare();
    for (std::size_t channel = 0; channel < 6; ++channel) {
        double after = 0;
        for (std::size_t token = 0; token < 40; ++token) {
            const std::size_t i = token * 6 + channel;
            after +=
                std::pow(reference.values<float>()[i] - (quantized.values<float>()[i] + mean[channel]), 2);
        }
        EXPECT_NEAR(after / 40, before[channel] - mean[channel] * mean[channel], 1e-12);
        EXPECT_GT(mean[channel] * mean[channel], 0);
    }
}

TEST(NormCorrection, NormsBehindAttentionAreThoseInFrontOfTheMlp) {
    const auto llama = requestFor("tiny-llama.onnx", "tiny-llama-calib.h5");
    const auto norms = findPostAttentionNorms(*llama.model);
    ASSERT_EQ(norms.size(), 4u);
    for (const Site &norm : norms) {
        ASSERT_EQ(norm.layers.size(), 2u);
        for (const LayerId id : norm.layers)
            EXPECT_THAT(llama.model->layers[static_cast<std::size_t>(id)].name,
                        testing::AnyOf(testing::HasSubstr("gate_proj"), testing::HasSubstr("up_proj")));
    }
    EXPECT_EQ(findPostAttentionNorms(*requestFor("glyph-vit.onnx", "glyph-calib.h5").model).size(), 4u);
    EXPECT_TRUE(findPostAttentionNorms(*requestFor("glyph-cnn.onnx", "glyph-calib.h5").model).empty());
}

/// What the layer behind the norm computes from the corrected norm has the mean W̃ E[h] of the float network's
/// h.
TEST(NormCorrection, MeanBehindTheNormIsThatOfTheFloatNetwork) {
    for (const auto &[model, data] : {std::pair("tiny-llama.onnx", "tiny-llama-calib.h5"),
                                      std::pair("glyph-vit.onnx", "glyph-calib.h5")}) {
        SCOPED_TRACE(model);
        const RunRequest request = requestFor(model, data);
        FindingList findings;
        const auto run = executeRun(request, {}, findings, {});
        ASSERT_TRUE(run) << run.error().text();
        std::vector<QuantizedLayer> layers = (*run)->quantizedLayers();
        for (const Site &norm : findPostAttentionNorms(*request.model)) {
            const Layer &layer = request.model->layers[static_cast<std::size_t>(norm.layers.front())];
            const auto &quantized = (*run)->layers[static_cast<std::size_t>(layer.id)]->quantized;
            ASSERT_EQ(quantized.outputOffset.size(), static_cast<std::size_t>(layer.outChannels));
            const auto hidden = meanOf(request, norm.value, {});
            const auto corrected = meanOf(request, layer.output, layers);
            const Tensor weight = quantized.weight->dequantize();
            double largestShift = 0;
            for (std::size_t row = 0; row < corrected.size(); ++row) {
                double expected = 0;
                for (std::size_t col = 0; col < hidden.size(); ++col)
                    expected += weight.values<float>()[row * hidden.size() + col] * hidden[col];
                EXPECT_NEAR(corrected[row], expected, 1e-4) << layer.name;
                largestShift =
                    std::max(largestShift, std::abs(static_cast<double>(quantized.outputOffset[row])));
            }
            EXPECT_GT(largestShift, 1e-3) << "there was something to correct";
        }
    }
}

TEST(NormCorrection, ModelsWithoutSuchANormAreToldSo) {
    const RunRequest request = requestFor("glyph-cnn.onnx", "glyph-calib.h5");
    FindingList findings;
    const auto run = executeRun(request, {}, findings, {});
    ASSERT_TRUE(run) << run.error().text();
    const auto entries = findings.snapshot();
    EXPECT_TRUE(std::ranges::any_of(entries, [](const auto &entry) {
        return entry.finding.severity == Severity::Warning &&
               entry.finding.what.find("no layer of the recipe's norm correction") != std::string::npos;
    }));
}

} // namespace
} // namespace qs
