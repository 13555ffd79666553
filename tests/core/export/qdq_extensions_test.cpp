#include "core/export/exporters/onnx_qdq_exporter.h"
#include "core/export/exporters/qdq_read_back.h"
#include "tests/support/extended_weights.h"
#include "tests/support/onnx_text_model.h"
#include "tests/support/sample_run.h"
#include "tests/support/temp_dir.h"

namespace qs {
namespace {

using ::testing::HasSubstr;

/// ReLU6 in front of the MatMul is a Clip that the exporter did not write.
constexpr const char *kModel = R"(
    <ir_version: 8, opset_import: ["" : 17]>
    mixed (float[N,2,8,8] image, int64[N] token) => (float[N,5] y) {
        c = Conv <pads = [1,1,1,1]> (image, conv_w, conv_b)
        r = Clip(c, zero, six)
        p = ReduceMean <axes = [2,3], keepdims = 0> (r)
        q = Clip(p, zero, six)
        h = MatMul(q, linear_w)
        e = Gather(table, token)
        s = Add(h, e)
        y = Gemm <transB = 1> (s, gemm_w, gemm_b)
    })";

const GridScheme kA6{6, GridConvention::Asymmetric, {}, RoundingMode::HalfEven};

class QdqExtensions : public ::testing::Test {
protected:
    void SetUp() override {
        const auto source = m_folder.path() / "source.onnx";
        writeOnnxText(source, kModel,
                      {{"conv_w", sampleValues(Shape{4, 2, 3, 3}, 1)},
                       {"conv_b", sampleValues(Shape{4}, 2)},
                       {"linear_w", sampleValues(Shape{4, 6}, 3)},
                       {"table", sampleValues(Shape{7, 6}, 4)},
                       {"gemm_w", sampleValues(Shape{5, 6}, 5)},
                       {"gemm_b", sampleValues(Shape{5}, 6)},
                       {"zero", Tensor::scalar(0.0f)},
                       {"six", Tensor::scalar(6.0f)}});
        m_model = openSample(source);
        ASSERT_EQ(m_model->layers.size(), 4U);
    }
    qs::Run run(Granularity granularity, bool activations, const std::vector<Extension> &extensions) const {
        WeightGridScheme scheme;
        scheme.grid.bits = 4;
        scheme.granularity = granularity;
        scheme.groupSize = 2;
        return extendedRun(makeSampleRun(m_model, scheme, activations ? std::optional(kA6) : std::nullopt),
                           extensions);
    }
    Result<ExportReport> write(const qs::Run &run) {
        return m_exporter.write(run, m_target, {}, m_findings, {});
    }
    const Node &producer(const ModelGraph &graph, ValueId value) const {
        return graph.node(graph.value(value).producer);
    }

    TempDir m_folder;
    std::filesystem::path m_target = m_folder.path() / "target.onnx";
    std::shared_ptr<const Model> m_model;
    OnnxQdqExporter m_exporter;
    FindingList m_findings;
};

TEST_F(QdqExtensions, EveryExtensionReadsBack) {
    const std::vector<std::vector<Extension>> cases = {
        {Extension::RealZeroPoints},
        {Extension::Levels},
        {Extension::Kept},
        {Extension::Branch},
        {Extension::Offset},
        {Extension::Branch, Extension::Offset},
        {Extension::RealZeroPoints, Extension::Kept, Extension::Branch, Extension::Offset},
    };
    for (const auto &extensions : cases)
        for (const auto granularity :
             {Granularity::PerTensor, Granularity::PerChannel, Granularity::PerGroup})
            for (const bool activations : {false, true}) {
                const auto report = write(run(granularity, activations, extensions));
                ASSERT_TRUE(report) << report.error().text();
                EXPECT_LE(report->worstWeightDifference, 1e-6);
                EXPECT_EQ(report->quantizedLayers.size(), 4U);
            }
}

TEST_F(QdqExtensions, BranchReadsTheActivationBeforeItsPair) {
    ASSERT_TRUE(write(run(Granularity::PerChannel, true, {Extension::Branch, Extension::Offset})));
    const auto written = openSample(m_target);
    const ModelGraph &graph = written->graph;
    const Node &sum = producer(graph, graph.findValue("h"));
    ASSERT_EQ(sum.opType, "Add");
    const Node &layer = producer(graph, sum.inputs[0]);
    EXPECT_EQ(layer.opType, "MatMul");
    EXPECT_EQ(producer(graph, layer.inputs[0]).opType, "DequantizeLinear");
    const Node &up = producer(graph, producer(graph, sum.inputs[1]).inputs[0]);
    const Node &down = producer(graph, up.inputs[0]);
    EXPECT_EQ(graph.value(down.inputs[0]).name, "q");
    EXPECT_EQ(graph.constant(down.inputs[1])->shape(), (Shape{4, 2}));
    EXPECT_EQ(graph.constant(up.inputs[1])->shape(), (Shape{2, 6}));
}

TEST_F(QdqExtensions, CopyOfAConvolutionKeepsItsAttributesAndHasNoBias) {
    ASSERT_TRUE(write(run(Granularity::PerChannel, false, {Extension::Branch})));
    const auto written = openSample(m_target);
    const ModelGraph &graph = written->graph;
    const Node &copy = producer(graph, producer(graph, graph.findValue("c")).inputs[1]);
    EXPECT_EQ(copy.opType, "Conv");
    EXPECT_EQ(copy.inputs.size(), 2U);
    EXPECT_EQ(copy.intsAttribute("pads"), (std::vector<std::int64_t>{1, 1, 1, 1}));
}

TEST_F(QdqExtensions, CodebooksAreWrittenAsFloatAndThatIsSaid) {
    ASSERT_TRUE(write(run(Granularity::PerChannel, false, {Extension::Levels})));
    const auto entries = m_findings.snapshot();
    ASSERT_EQ(entries.size(), 4U);
    for (const auto &entry : entries) {
        EXPECT_EQ(entry.finding.severity, Severity::Info);
        EXPECT_THAT(entry.finding.what, HasSubstr("a codebook"));
    }
}

TEST_F(QdqExtensions, ScalesOfTokensAreRefused) {
    qs::Run tokens = run(Granularity::PerChannel, true, {});
    auto result = std::make_shared<LayerResult>(*tokens.layers[0]);
    result->quantized.activation.reset();
    result->quantized.activationScale = ActivationScale::Token;
    tokens.layers[0] = result;
    const auto refused = write(tokens);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::Unsupported);
    EXPECT_THAT(refused.error().text(), HasSubstr("while it runs"));
}

/// ReLU6 leaves no negative values, so the weights of both signs make some in the last layer's input.
TEST_F(QdqExtensions, TwoRegionsAreASumOfTwoPairsThatComputesTheSame) {
    for (const int bits : {4, 8})
        for (const bool isSigned : {false, true}) {
            qs::Run regions = run(Granularity::PerChannel, true, {Extension::Branch});
            for (auto &layer : regions.layers) {
                auto result = std::make_shared<LayerResult>(*layer);
                if (result->quantized.activation) {
                    result->quantized.activation.reset();
                    result->quantized.activationScale = ActivationScale::Region;
                    result->quantized.activationScheme->bits = bits;
                    result->quantized.activationRegion = RegionGrid{bits == 4 ? 0.21f : 0.013f, 3};
                }
                layer = result;
            }
            const auto report = m_exporter.write(
                regions, m_target, {{"activation_type", isSigned ? "int8" : "uint8"}}, m_findings, {});
            ASSERT_TRUE(report) << report.error().text();
            const std::vector<Tensor> inputs{
                sampleValues(Shape{3, 2, 8, 8}, 11, 2),
                Tensor::fromValues<std::int64_t>(Shape{3}, std::vector<std::int64_t>{1, 5, 2})};
            const auto simulated = (*Executor::create(m_model))
                                       ->run(inputs, *substitutions(*m_model, regions.quantizedLayers()), {});
            const auto written = (*Executor::create(openSample(m_target)))->run(inputs, {}, {});
            ASSERT_TRUE(written) << written.error().text();
            for (std::size_t i = 0; i < 15; ++i)
                EXPECT_NEAR((*written)[0].values<float>()[i], (*simulated)[0].values<float>()[i], 1e-4);
            regions.layers[3] = [&] {
                auto other = std::make_shared<LayerResult>(*regions.layers[3]);
                other->quantized.activationRegion->shift = 2;
                return other;
            }();
            EXPECT_FALSE(compareWithRun(regions, m_target, {})) << "another negative step";
        }
}

TEST_F(QdqExtensions, ReadBackNoticesWhatChanged) {
    const std::vector<Extension> all = {Extension::Kept, Extension::Branch, Extension::Offset};
    const qs::Run good = run(Granularity::PerChannel, true, all);
    ASSERT_TRUE(write(good));
    ASSERT_TRUE(compareWithRun(good, m_target, {}));
    for (const std::size_t layer : {0U, 1U, 3U})
        for (const int kind : {0, 1, 2, 3}) {
            auto result = std::make_shared<LayerResult>(*good.layers[layer]);
            auto matrix = std::make_shared<QuantizedMatrix>(*result->quantized.weight);
            if (kind == 0)
                matrix->kept.front().value *= 1.01f;
            if (kind == 1)
                matrix->branch->up = sampleValues(matrix->branch->up.shape(), 99);
            if (kind == 2)
                matrix->branch.reset();
            if (kind == 3)
                result->quantized.outputOffset.back() += 0.01f;
            result->quantized.weight = matrix;
            qs::Run changed = good;
            changed.layers[layer] = result;
            EXPECT_FALSE(compareWithRun(changed, m_target, {})) << layer << ' ' << kind;
        }
}

} // namespace
} // namespace qs
