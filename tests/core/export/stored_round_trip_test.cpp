#include "core/export/exporters/onnx_qdq_exporter.h"
#include "core/session/project_json.h"
#include "core/session/stored_run.h"
#include "tests/support/extended_weights.h"
#include "tests/support/onnx_text_model.h"
#include "tests/support/sample_run.h"
#include "tests/support/temp_dir.h"

namespace qs {
namespace {

constexpr const char *kMixedModel = R"(
    <ir_version: 8, opset_import: ["" : 17]>
    mixed (float[N,2,8,8] image, int64[N] token) => (float[N,5] y) {
        c = Conv <pads = [1,1,1,1]> (image, conv_w, conv_b)
        p = ReduceMean <axes = [2,3], keepdims = 0> (c)
        h = MatMul(p, linear_w)
        e = Gather(table, token)
        s = Add(h, e)
        y = Gemm <transB = 1> (s, gemm_w, gemm_b)
    })";

/// What is exported and opened again must bring the codes and scales of the run.
class StoredRoundTrip : public testing::Test {
protected:
    void SetUp() override {
        writeOnnxText(m_source, kMixedModel,
                      {{"conv_w", sampleValues(Shape{4, 2, 3, 3}, 1)},
                       {"conv_b", sampleValues(Shape{4}, 2)},
                       {"linear_w", sampleValues(Shape{4, 6}, 3)},
                       {"table", sampleValues(Shape{7, 6}, 4)},
                       {"gemm_w", sampleValues(Shape{5, 6}, 5)},
                       {"gemm_b", sampleValues(Shape{5}, 6)}});
        m_model = openSample(m_source);
    }
    std::shared_ptr<const Model> exported(const qs::Run &run, const nlohmann::json &options = {}) {
        const auto report = m_exporter.write(run, m_target, options, m_findings, {});
        EXPECT_TRUE(report) << report.error().text();
        return openSample(m_target);
    }
    static WeightGridScheme scheme(int bits, GridConvention convention, Granularity granularity) {
        WeightGridScheme result;
        result.grid.bits = bits;
        result.grid.convention = convention;
        result.granularity = granularity;
        result.groupSize = 4;
        return result;
    }

    TempDir m_folder;
    std::filesystem::path m_source = m_folder.path() / "source.onnx",
                          m_target = m_folder.path() / "target.onnx";
    std::shared_ptr<const Model> m_model;
    OnnxQdqExporter m_exporter;
    FindingList m_findings;
};

/// The same scale for every element, and codes that count from the same zero: the exporter moves signed and
/// unsigned codes by half their range.
void expectSameGrid(const QuantizedMatrix &run, const QuantizedMatrix &read, const std::string &layer) {
    ASSERT_EQ(run.rows, read.rows) << layer;
    ASSERT_EQ(run.cols, read.cols) << layer;
    ASSERT_TRUE(read.validate()) << layer;
    for (std::int64_t r = 0; r < run.rows; ++r)
        for (std::int64_t c = 0; c < run.cols; ++c) {
            const auto i = static_cast<std::size_t>(r * run.cols + c);
            const ScaleZero a = run.grid(r, c), b = read.grid(r, c);
            ASSERT_EQ(a.scale, b.scale) << layer << ' ' << r << ' ' << c;
            ASSERT_EQ(run.codes[i] - a.zeroPoint, read.codes[i] - b.zeroPoint)
                << layer << ' ' << r << ' ' << c;
        }
    EXPECT_EQ(run.kept.size(), read.kept.size()) << layer;
    for (std::size_t i = 0; i < std::min(run.kept.size(), read.kept.size()); ++i)
        EXPECT_EQ(run.kept[i], read.kept[i]) << layer;
}

TEST_F(StoredRoundTrip, CodesAndScalesOfEveryGridAreThoseOfTheRun) {
    for (const int bits : {2, 3, 4, 5, 8})
        for (const auto convention : {GridConvention::Asymmetric, GridConvention::SymmetricOffset,
                                      GridConvention::SymmetricRestricted, GridConvention::SymmetricFull})
            for (const auto granularity :
                 {Granularity::PerTensor, Granularity::PerChannel, Granularity::PerGroup})
                for (const auto &activation :
                     {std::optional<GridScheme>(),
                      std::optional(GridScheme{8, GridConvention::Asymmetric, {}, {}})}) {
                    const qs::Run run =
                        makeSampleRun(m_model, scheme(bits, convention, granularity), activation);
                    const auto model = exported(run);
                    const auto read = storedRun(model);
                    ASSERT_TRUE(read);
                    ASSERT_EQ(model->layers.size(), 4U);
                    ASSERT_EQ(read->quantizedLayers().size(), 4U);
                    for (std::size_t i = 0; i < 4; ++i) {
                        const auto &layer = read->layers[i]->quantized;
                        expectSameGrid(*run.layers[i]->quantized.weight, *layer.weight,
                                       model->layers[i].name);
                        ASSERT_EQ(run.layers[i]->quantized.activation.has_value(),
                                  layer.activation.has_value());
                        if (layer.activation) {
                            EXPECT_EQ(layer.activation->scale, run.layers[i]->quantized.activation->scale);
                            EXPECT_EQ(layer.activation->zeroPoint,
                                      run.layers[i]->quantized.activation->zeroPoint);
                            EXPECT_EQ(layer.activationScheme->bits, 8);
                        }
                    }
                }
}

TEST_F(StoredRoundTrip, SignedCodesAreNotMoved) {
    for (const int bits : {4, 8}) {
        const qs::Run run =
            makeSampleRun(m_model, scheme(bits, GridConvention::SymmetricRestricted, Granularity::PerGroup));
        const auto read = storedRun(exported(run));
        for (std::size_t i = 0; i < 4; ++i) {
            const QuantizedMatrix &a = *run.layers[i]->quantized.weight,
                                  &b = *read->layers[i]->quantized.weight;
            EXPECT_EQ(a.codes, b.codes);
            EXPECT_EQ(a.scales, b.scales);
            EXPECT_EQ(b.convention, GridConvention::SymmetricFull) << "all codes of the type";
            EXPECT_EQ(a.bits, b.bits);
            EXPECT_DOUBLE_EQ(a.bitsBreakdown().effective(), b.bitsBreakdown().effective());
        }
    }
}

TEST_F(StoredRoundTrip, NarrowActivationGridsAreSeenThroughTheirClip) {
    const qs::Run run =
        makeSampleRun(m_model, scheme(8, GridConvention::SymmetricRestricted, Granularity::PerChannel),
                      GridScheme{4, GridConvention::Asymmetric, {}, {}});
    const auto read = storedRun(exported(run));
    const auto &layer = read->layers[0]->quantized;
    ASSERT_TRUE(layer.activation);
    EXPECT_EQ(layer.activationScheme->bits, 4);
    EXPECT_EQ(layer.activation->scale, run.layers[0]->quantized.activation->scale);
    EXPECT_EQ(layer.activation->zeroPoint, run.layers[0]->quantized.activation->zeroPoint);
}

TEST_F(StoredRoundTrip, ReorderedColumnsComeBack) {
    qs::Run run = makeSampleRun(m_model, scheme(4, GridConvention::Asymmetric, Granularity::PerGroup));
    auto result = std::make_shared<LayerResult>(*run.layers[0]);
    auto matrix = std::make_shared<QuantizedMatrix>(*result->quantized.weight); // a convolution of 18 columns
    matrix->layout.groupSize = 9;
    matrix->scales.resize(static_cast<std::size_t>(matrix->layout.slices()));
    matrix->zeroPoints.resize(matrix->scales.size());
    for (std::int32_t col = 0; col < 18; ++col)
        matrix->groupOfColumn.push_back(col * 5 % 18 / 9);
    result->quantized.weight = matrix;
    run.layers[0] = result;
    const auto read = storedRun(exported(run));
    expectSameGrid(*matrix, *read->layers[0]->quantized.weight, "conv");
    EXPECT_EQ(read->layers[0]->quantized.weight->groupOfColumn, matrix->groupOfColumn);
}

TEST_F(StoredRoundTrip, ItsErrorsAreNotAvailable) {
    const auto model =
        exported(makeSampleRun(m_model, scheme(4, GridConvention::SymmetricFull, Granularity::PerChannel)));
    const auto run = storedRun(model);
    EXPECT_FALSE(run->hasOriginal());
    EXPECT_TRUE(run->complete);
    EXPECT_TRUE(run->recipe.validate());
    for (const auto &layer : run->layers) {
        EXPECT_FALSE(layer->hasOriginal);
        EXPECT_FALSE(layer->weightSqnrDb() || layer->outputSqnrDb() || layer->network);
        EXPECT_EQ(layer->choice,
                  run->recipe.choiceFor(model->layers[static_cast<std::size_t>(layer->layer)].name));
    }
    EXPECT_FALSE(run->baseline || run->total);
    EXPECT_FALSE(runReport(*run).dump().find("sqnr") != std::string::npos);
    EXPECT_EQ(storedRun(m_model), nullptr) << "a float model brings none";
}

TEST_F(StoredRoundTrip, AProjectKeepsTheRun) {
    const auto model =
        exported(makeSampleRun(m_model, scheme(4, GridConvention::Asymmetric, Granularity::PerGroup)));
    const RunEntry entry{1, storedRun(model), 0, true};
    const nlohmann::json json = nlohmann::json::parse(runToJson(entry).dump());
    const auto arrays = [&](std::size_t layer, QuantizedMatrix &matrix) -> Status {
        matrix = *entry.run->layers[layer]->quantized.weight;
        return {};
    };
    const auto read = runFromJson(json, model, arrays);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_FALSE(read->run->hasOriginal());
    EXPECT_EQ(read->run->provenance.codesFile, "target.onnx");
    EXPECT_EQ(read->run->recipe, entry.run->recipe);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_FALSE(read->run->layers[i]->hasOriginal);
        EXPECT_EQ(read->run->layers[i]->choice, entry.run->layers[i]->choice);
    }
}

TEST_F(StoredRoundTrip, AgainstTheOriginalErrorsAreThoseOfTheRun) {
    const qs::Run run =
        makeSampleRun(m_model, scheme(4, GridConvention::SymmetricFull, Granularity::PerGroup));
    const auto quantized = exported(run);
    RunRequest request;
    request.model = m_model;
    const auto read = readStoredRun(request, *quantized, {}, m_findings, {});
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_TRUE((*read)->hasOriginal());
    for (std::size_t i = 0; i < 4; ++i) {
        ErrorMetrics expected;
        expected.add(weightMatrix(m_model->layers[i], m_model->graph)->values<float>(),
                     run.layers[i]->quantized.weight->dequantize().values<float>());
        ASSERT_TRUE((*read)->layers[i]->weightError);
        EXPECT_EQ((*read)->layers[i]->weightError->sqnrDb(), expected.sqnrDb());
    }
    const auto none = readStoredRun(request, *m_model, {}, m_findings, {});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::InvalidArgument);
}

TEST_F(StoredRoundTrip, LayersWithABranchAreNotShownAsIfTheyHadNone) {
    qs::Run run = makeSampleRun(m_model, scheme(4, GridConvention::SymmetricFull, Granularity::PerChannel));
    auto result = std::make_shared<LayerResult>(*run.layers[1]);
    result->quantized.outputOffset = std::vector<float>(6, 0.25f);
    run.layers[1] = result;
    RunRequest request;
    request.model = m_model;
    const auto read = readStoredRun(request, *exported(run), {}, m_findings, {});
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ((*read)->layers[1]->state, LayerResult::State::Failed);
    EXPECT_THAT((*read)->layers[1]->failure, testing::HasSubstr("branch or a correction"));
    EXPECT_EQ((*read)->layers[0]->state, LayerResult::State::Quantized);
}

TEST_F(StoredRoundTrip, QuantizedModelsAreQuantizedAndExportedAgain) {
    const auto once =
        exported(makeSampleRun(m_model, scheme(8, GridConvention::SymmetricFull, Granularity::PerChannel)));
    const qs::Run again = makeSampleRun(once, scheme(4, GridConvention::Asymmetric, Granularity::PerGroup));
    const auto file = m_folder.path() / "twice.onnx";
    const auto report = m_exporter.write(again, file, {}, m_findings, {});
    ASSERT_TRUE(report) << report.error().text();
    const auto read = storedRun(openSample(file));
    for (std::size_t i = 0; i < 4; ++i)
        expectSameGrid(*again.layers[i]->quantized.weight, *read->layers[i]->quantized.weight, "again");
}

} // namespace
} // namespace qs
