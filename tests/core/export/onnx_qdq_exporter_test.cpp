#include "core/export/exporters/onnx_qdq_exporter.h"

#include "core/base/content_hash.h"
#include "core/exec/executor.h"
#include "core/export/exporters/qdq_read_back.h"
#include "core/io/importers/onnx_external_data.h"
#include "core/io/importers/onnx_graph.h"
#include "core/tensor/convert.h"
#include "tests/support/onnx_text_model.h"
#include "tests/support/sample_run.h"
#include "tests/support/temp_dir.h"

#include <fstream>
#include <onnx/onnx_pb.h>

namespace qs {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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

onnx::ModelProto readProto(const fs::path &file) {
    onnx::ModelProto proto;
    EXPECT_TRUE(proto.ParseFromString(readFile(file)));
    return proto;
}

/// The graph as it was written: opening a model turns codes into constants.
ModelGraph writtenGraph(const fs::path &file) {
    onnx::ModelProto proto = readProto(file);
    FindingList findings;
    const RunContext ctx;
    ExternalData external(file.parent_path(), findings);
    auto graph = OnnxGraphReader(external, findings, ctx).read(proto);
    EXPECT_TRUE(graph) << graph.error().text();
    return std::move(*graph);
}

WeightGridScheme scheme(int bits, GridConvention convention, Granularity granularity,
                        std::int64_t groupSize = 4) {
    WeightGridScheme result;
    result.grid.bits = bits;
    result.grid.convention = convention;
    result.granularity = granularity;
    result.groupSize = groupSize;
    return result;
}

const WeightGridScheme kW8 = scheme(8, GridConvention::SymmetricRestricted, Granularity::PerChannel);
const GridScheme kA8{8, GridConvention::Asymmetric, {}, RoundingMode::HalfEven};

class OnnxQdqExporterTest : public ::testing::Test {
protected:
    std::map<std::string, Tensor> mixedWeights() const {
        return {{"conv_w", sampleValues(Shape{4, 2, 3, 3}, 1)}, {"conv_b", sampleValues(Shape{4}, 2)},
                {"linear_w", sampleValues(Shape{4, 6}, 3)},     {"table", sampleValues(Shape{7, 6}, 4)},
                {"gemm_w", sampleValues(Shape{5, 6}, 5)},       {"gemm_b", sampleValues(Shape{5}, 6)}};
    }
    std::shared_ptr<const Model> open(const std::string &text, const std::map<std::string, Tensor> &weights) {
        writeOnnxText(m_source, text, weights);
        return openSample(m_source);
    }
    std::shared_ptr<const Model> openMixed() { return open(kMixedModel, mixedWeights()); }
    Result<ExportReport> write(const qs::Run &run, const nlohmann::json &options = {}) {
        return m_exporter.write(run, m_target, options, m_findings, {});
    }
    std::size_t filesInFolder() const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(m_folder.path()), {}));
    }
    int countNodes(const std::string &opType) const {
        const onnx::ModelProto proto = readProto(m_target);
        const auto &nodes = proto.graph().node();
        return static_cast<int>(std::count_if(nodes.begin(), nodes.end(),
                                              [&](const auto &node) { return node.op_type() == opType; }));
    }

    TempDir m_folder;
    fs::path m_source = m_folder.path() / "source.onnx", m_target = m_folder.path() / "target.onnx";
    OnnxQdqExporter m_exporter;
    FindingList m_findings;
};

TEST_F(OnnxQdqExporterTest, EveryGridReadsBackExactly) {
    const auto model = openMixed();
    ASSERT_EQ(model->layers.size(), 4U);
    for (const int bits : {2, 3, 4, 5, 8})
        for (const auto convention : {GridConvention::Asymmetric, GridConvention::SymmetricOffset,
                                      GridConvention::SymmetricRestricted, GridConvention::SymmetricFull})
            for (const auto granularity :
                 {Granularity::PerTensor, Granularity::PerChannel, Granularity::PerGroup})
                for (const bool activations : {false, true}) {
                    const qs::Run run = makeSampleRun(model, scheme(bits, convention, granularity),
                                                      activations ? std::optional(kA8) : std::nullopt);
                    const auto report = write(run);
                    ASSERT_TRUE(report) << report.error().text();
                    EXPECT_EQ(report->worstWeightDifference, 0);
                    EXPECT_EQ(report->quantizedLayers.size(), 4U);
                    EXPECT_EQ(report->bytes, static_cast<std::int64_t>(fs::file_size(m_target)));
                }
    EXPECT_EQ(filesInFolder(), 2U) << "no temporary file is left";
}

TEST_F(OnnxQdqExporterTest, OpsetAndIrRiseOnlyAsFarAsNeeded) {
    auto model = openMixed();
    EXPECT_EQ(write(makeSampleRun(model, kW8))->opset, 17);
    EXPECT_EQ(readProto(m_target).ir_version(), 8);
    const auto fourBit = scheme(4, GridConvention::SymmetricRestricted, Granularity::PerChannel);
    EXPECT_EQ(write(makeSampleRun(model, fourBit))->opset, 21);
    EXPECT_EQ(readProto(m_target).ir_version(), 10);
    model = open(R"(<ir_version: 4, opset_import: ["" : 10]> g (float[N,4] x) => (float[N,6] y) {
                      y = MatMul(x, w) })",
                 {{"w", sampleValues(Shape{4, 6}, 3)}});
    EXPECT_EQ(write(makeSampleRun(model, kW8, kA8))->opset, 13);
    EXPECT_EQ(readProto(m_target).ir_version(), 7);
}

TEST_F(OnnxQdqExporterTest, QuantizedConvolutionReadsPairsAndIntegerBias) {
    ASSERT_TRUE(write(makeSampleRun(openMixed(), kW8, kA8)));
    const ModelGraph graph = writtenGraph(m_target);
    const Node &conv = graph.node(graph.value(graph.findValue("c")).producer);
    const auto codesOf = [&](std::size_t input) {
        const Node &dequantize = graph.node(graph.value(conv.inputs[input]).producer);
        EXPECT_EQ(dequantize.opType, "DequantizeLinear");
        return dequantize.inputs[0];
    };
    EXPECT_EQ(graph.node(graph.value(codesOf(0)).producer).opType, "QuantizeLinear");
    EXPECT_EQ(graph.constant(codesOf(1))->dtype(), DType::UInt8) << "like the activation";
    EXPECT_EQ(graph.constant(codesOf(2))->dtype(), DType::Int32);
    for (const char *gone : {"conv_w", "conv_b", "linear_w", "table", "gemm_w", "gemm_b"})
        EXPECT_EQ(graph.findValue(gone), kNoValue) << gone;

    ASSERT_TRUE(write(makeSampleRun(openMixed(), kW8, kA8), {{"int32_bias", false}}));
    EXPECT_NE(openSample(m_target)->graph.findValue("conv_b"), kNoValue);
}

TEST_F(OnnxQdqExporterTest, LayersThatReadTheSameActivationShareOnePair) {
    const auto model = open(R"(<ir_version: 8, opset_import: ["" : 17]> g (float[N,4] x) => (float[N,4] y) {
        q = MatMul(x, wq) k = MatMul(x, wk) y = Add(q, k) })",
                            {{"wq", sampleValues(Shape{4, 4}, 1)}, {"wk", sampleValues(Shape{4, 4}, 2)}});
    qs::Run run = makeSampleRun(model, kW8, kA8);
    ASSERT_TRUE(write(run));
    EXPECT_EQ(countNodes("QuantizeLinear"), 1);
    EXPECT_EQ(countNodes("DequantizeLinear"), 3);
    auto other = std::make_shared<LayerResult>(*run.layers[1]);
    other->quantized.activation->scale *= 2;
    run.layers[1] = other;
    ASSERT_TRUE(write(run));
    EXPECT_EQ(countNodes("QuantizeLinear"), 2) << "different grids keep their own pairs";
}

TEST_F(OnnxQdqExporterTest, SharedWeightIsWrittenOnceWhenItsCodesAreEqual) {
    const auto model = open(R"(<ir_version: 8, opset_import: ["" : 17]> g (float[N,4] x) => (float[N,4] y) {
        a = MatMul(x, w) y = MatMul(a, w) })",
                            {{"w", sampleValues(Shape{4, 4}, 1)}});
    qs::Run run = makeSampleRun(model, kW8);
    ASSERT_TRUE(write(run));
    EXPECT_EQ(countNodes("DequantizeLinear"), 1);
    const auto kept = std::make_shared<LayerResult>();
    kept->layer = 1;
    run.layers[1] = kept;
    const auto report = write(run);
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_THAT(report->floatLayers, ElementsAre(model->layers[1].name));
    EXPECT_NE(openSample(m_target)->graph.findValue("w"), kNoValue) << "the float layer still reads it";
}

TEST_F(OnnxQdqExporterTest, ConstantNodesAndInitializersListedAsInputsAreReplaced) {
    onnx::ModelProto proto = parseOnnxText(
        R"(<ir_version: 3, opset_import: ["" : 9]> g (float[N,4] x, float[4,4] w) => (float[N,2] y) {
               a = MatMul(x, w)
               c = Constant <value = float[4,2] {1,2,3,4,5,6,7,8}> ()
               y = MatMul(a, c) })",
        {{"w", sampleValues(Shape{4, 4}, 1)}});
    std::ofstream(m_source, std::ios::binary) << proto.SerializeAsString();
    const auto model = openSample(m_source);
    ASSERT_EQ(model->layers.size(), 2U);
    const auto report = write(makeSampleRun(model, kW8));
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_EQ(readProto(m_target).graph().input_size(), 1);
    EXPECT_EQ(countNodes("Constant"), 0);
}

TEST_F(OnnxQdqExporterTest, SameRunGivesSameBytesWithProvenanceInside) {
    const qs::Run run = makeSampleRun(openMixed(), kW8, kA8);
    ASSERT_TRUE(write(run));
    const std::string first = readFile(m_target);
    ASSERT_TRUE(write(run));
    EXPECT_EQ(readFile(m_target), first);
    std::map<std::string, std::string> metadata;
    const onnx::ModelProto proto = readProto(m_target);
    for (const auto &entry : proto.metadata_props())
        metadata[entry.key()] = entry.value();
    EXPECT_EQ(metadata["quantoscope.source_sha256"], run.model->sha256);
    EXPECT_EQ(metadata["quantoscope.source_file"], "source.onnx") << "no folders of this machine";
    EXPECT_EQ(Recipe::fromJson(nlohmann::json::parse(metadata["quantoscope.recipe"])).value(), run.recipe);
}

TEST_F(OnnxQdqExporterTest, SourcesAreNeverOverwritten) {
    qs::Run run = makeSampleRun(openMixed(), kW8);
    const std::string before = readFile(m_source);
    fs::create_symlink(m_source, m_folder.path() / "link.onnx");
    fs::create_hard_link(m_source, m_folder.path() / "hard.onnx");
    std::ofstream(m_folder.path() / "calib.h5") << "calibration";
    run.provenance.calibrationSha256 = sha256OfFile(m_folder.path() / "calib.h5", {}).value();
    for (const char *name : {"source.onnx", "link.onnx", "hard.onnx", "calib.h5"}) {
        const auto report = m_exporter.write(run, m_folder.path() / name, {}, m_findings, {});
        ASSERT_FALSE(report) << name;
        EXPECT_EQ(report.error().code, ErrorCode::InvalidArgument);
    }
    EXPECT_EQ(readFile(m_source), before);
    EXPECT_EQ(readFile(m_folder.path() / "calib.h5"), "calibration");
}

TEST_F(OnnxQdqExporterTest, ChangedSourceIsNoticed) {
    const qs::Run run = makeSampleRun(openMixed(), kW8);
    std::ofstream(m_source, std::ios::app) << "x";
    const auto changed = write(run);
    ASSERT_FALSE(changed);
    EXPECT_EQ(changed.error().code, ErrorCode::CorruptFile);
    fs::remove(m_source);
    EXPECT_EQ(write(run).error().code, ErrorCode::IoError);
    EXPECT_FALSE(fs::exists(m_target));
}

TEST_F(OnnxQdqExporterTest, WeightsGoToASecondFileWhenAskedFor) {
    const auto model = open(R"(<ir_version: 8, opset_import: ["" : 17]> g (float[N,64] x) => (float[N,64] y) {
        a = MatMul(x, v) y = MatMul(a, w) })",
                            {{"v", sampleValues(Shape{64, 64}, 1)}, {"w", sampleValues(Shape{64, 64}, 2)}});
    const qs::Run run = makeSampleRun(model, kW8);
    const auto report = write(run, {{"external_data", "always"}});
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_EQ(report->worstWeightDifference, 0);
    EXPECT_EQ(filesInFolder(), 3U);
    EXPECT_GT(report->bytes, 2 * 64 * 64);
    EXPECT_LT(fs::file_size(m_target), 6000U);

    // The written file is a source with external data in turn: its data is taken along.
    const fs::path again = m_folder.path() / "again";
    fs::create_directory(again);
    const auto reopened = openSample(m_target);
    ASSERT_TRUE(write(makeSampleRun(model, scheme(3, GridConvention::Asymmetric, Granularity::PerChannel)),
                      {{"external_data", "always"}}));
    EXPECT_EQ(m_findings.snapshot().size(), 1U) << "the older data file is pointed out";
}

// Issue 5: models in half and double precision keep their type around the pairs.
TEST_F(OnnxQdqExporterTest, PairsOfOtherFloatTypesAreCast) {
    for (const auto &[name, type] :
         {std::pair("float16", DType::Float16), std::pair("double", DType::Float64)}) {
        const auto weight = castTensor(sampleValues(Shape{6, 4}, 1), type);
        const auto table = castTensor(sampleValues(Shape{7, 6}, 2), type);
        const std::string element = name;
        const auto model =
            open("<ir_version: 8, opset_import: [\"\" : 17]> g (" + element + "[N,6] x, int64[N] i) => (" +
                     element + "[N,4] y, " + element + "[N,6] z) { y = MatMul(x, w) z = Gather(t, i) }",
                 {{"w", *weight}, {"t", *table}});
        for (const std::optional<GridScheme> &activations :
             {std::optional<GridScheme>(), std::optional(kA8)}) {
            const auto report = write(makeSampleRun(model, kW8, activations));
            ASSERT_TRUE(report) << name << ": " << report.error().text();
            EXPECT_EQ(report->worstWeightDifference, 0);
            EXPECT_TRUE(Executor::create(openSample(m_target))) << name;
        }
    }
}

TEST_F(OnnxQdqExporterTest, OperatorsThatBroughtAWeightGoWithIt) {
    const auto model = open(R"(<ir_version: 8, opset_import: ["" : 17]>
        g (float[N,6] x) => (float[N,4] y, float[N,4] z, float[N,6] kept) {
            same = Identity(w)
            t = Transpose(same)
            y = MatMul(x, t)
            u = Transpose(v)
            z = MatMul(x, u)
            sum = ReduceSum<keepdims=0>(v)
            kept = Add(x, sum)
        })",
                            {{"w", sampleValues(Shape{4, 6}, 1)}, {"v", sampleValues(Shape{4, 6}, 2)}});
    ASSERT_EQ(model->layers.size(), 2U);
    const auto report = write(makeSampleRun(model, kW8));
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_EQ(report->worstWeightDifference, 0);
    const ModelGraph graph = writtenGraph(m_target);
    for (const Node &node : graph.nodes())
        EXPECT_TRUE(node.opType != "Transpose" && node.opType != "Identity") << node.name;
    EXPECT_EQ(graph.findValue("w"), kNoValue);
    EXPECT_NE(graph.constant(graph.findValue("v")), nullptr) << "ReduceSum reads it";
}

TEST_F(OnnxQdqExporterTest, ExternalDataOfTheSourceIsTakenAlong) {
    onnx::ModelProto proto = parseOnnxText(
        R"(<ir_version: 8, opset_import: ["" : 17]> g (float[N,64] x) => (float[N,64] y) {
               a = MatMul(x, v) t = Transpose(w) m = MatMul(a, t)
               s = Shape(m) half = ConstantOfShape <value = float[1] {0.0}> (s) y = Add(m, half) })",
        {{"v", sampleValues(Shape{64, 64}, 1)}, {"w", sampleValues(Shape{64, 64}, 2)}});
    std::string data;
    const auto moveOutside = [&data](onnx::TensorProto &tensor) {
        const std::vector<std::pair<std::string, std::string>> entries = {
            {"location", "weights.bin"},
            {"offset", std::to_string(data.size())},
            {"length", std::to_string(tensor.raw_data().size())}};
        data += tensor.raw_data();
        tensor.clear_raw_data();
        tensor.set_data_location(onnx::TensorProto::EXTERNAL);
        for (const auto &[key, value] : entries) {
            auto &entry = *tensor.add_external_data();
            entry.set_key(key);
            entry.set_value(value);
        }
    };
    for (auto &tensor : *proto.mutable_graph()->mutable_initializer())
        moveOutside(tensor);
    onnx::TensorProto &value = *proto.mutable_graph()->mutable_node(4)->mutable_attribute(0)->mutable_t();
    value.clear_float_data();
    value.set_raw_data(std::string("\0\0\0\x3f", 4)); // 0.5
    moveOutside(value);
    std::ofstream(m_folder.path() / "weights.bin", std::ios::binary) << data;
    std::ofstream(m_source, std::ios::binary) << proto.SerializeAsString();
    const auto model = openSample(m_source);
    qs::Run run = makeSampleRun(model, kW8);
    const auto kept = std::make_shared<LayerResult>();
    kept->layer = 1;
    run.layers[1] = kept;
    m_target = m_folder.path() / "elsewhere" / "target.onnx";
    fs::create_directory(m_folder.path() / "elsewhere");
    const auto report = write(run);
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_EQ(report->worstWeightDifference, 0);
    const ModelGraph written = writtenGraph(m_target);
    const auto fill = std::ranges::find(written.nodes(), "ConstantOfShape", &Node::opType);
    ASSERT_NE(fill, written.nodes().end());
    EXPECT_EQ(std::get<Tensor>(fill->attributes.at("value")).values<float>()[0], 0.5F);
    EXPECT_EQ(m_exporter.write(run, m_folder.path() / "weights.bin", {}, m_findings, {}).error().code,
              ErrorCode::InvalidArgument);
    EXPECT_EQ(readFile(m_folder.path() / "weights.bin"), data);
}

TEST_F(OnnxQdqExporterTest, RefusalsSayWhichLayerAndWhy) {
    qs::Run run = makeSampleRun(openMixed(), kW8);
    run.complete = false;
    EXPECT_THAT(write(run).error().message, HasSubstr("not finished"));
    run.complete = true;
    for (auto &layer : run.layers) {
        const auto kept = std::make_shared<LayerResult>();
        kept->layer = layer->layer;
        layer = kept;
    }
    EXPECT_THAT(write(run).error().message, HasSubstr("nothing to export"));
    EXPECT_EQ(write(run, {{"no_such_option", 1}}).error().code, ErrorCode::InvalidArgument);

    const auto half =
        open(R"(<ir_version: 8, opset_import: ["" : 17]> g (float16[N,4] x) => (float16[N,4] y) {
        y = MatMul(x, w) })",
             {{"w", Tensor::zeros(DType::Float16, Shape{4, 4})}});
    qs::Run corrected = makeSampleRun(half, kW8);
    const auto offset = std::make_shared<LayerResult>(*corrected.layers[0]);
    offset->quantized.outputOffset = {1, 2, 3, 4};
    corrected.layers[0] = offset;
    const auto refused = write(corrected);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::Unsupported);
    EXPECT_THAT(refused.error().text(),
                AllOf(HasSubstr(half->layers[0].name), HasSubstr("needs float32, its weight is float16")));
}

/// The file has one node for what the graph computes with three: the graph is written.
TEST_F(OnnxQdqExporterTest, FusedOperatorsAreWrittenAsTheirParts) {
    const auto model = open(R"(<ir_version: 8, opset_import: ["" : 17, "com.microsoft" : 1]>
        g (float[N,2,5,5] x) => (float[N,3] y) {
            c = com.microsoft.FusedConv <kernel_shape = [3, 3], activation = "Relu"> (x, k, b)
            p = GlobalAveragePool(c)
            f = Flatten(p)
            y = com.microsoft.FusedGemm <activation = "Tanh"> (f, w, d) })",
                            {{"k", sampleValues(Shape{4, 2, 3, 3}, 1)},
                             {"b", sampleValues(Shape{4}, 2)},
                             {"w", sampleValues(Shape{4, 3}, 3)},
                             {"d", sampleValues(Shape{3}, 4)}});
    ASSERT_EQ(model->layers.size(), 2U);
    const auto report = write(makeSampleRun(model, kW8));
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_EQ(report->worstWeightDifference, 0);
    EXPECT_EQ(report->quantizedLayers.size(), 2U);
    EXPECT_EQ(countNodes("DequantizeLinear"), 2);
    for (const char *part : {"Conv", "Relu", "Gemm", "Tanh"})
        EXPECT_EQ(countNodes(part), 1) << part;
    EXPECT_EQ(countNodes("FusedConv") + countNodes("FusedGemm"), 0);
}

TEST_F(OnnxQdqExporterTest, SignedActivationsWarnAboutSaturation) {
    const qs::Run run = makeSampleRun(openMixed(), kW8, kA8);
    ASSERT_TRUE(write(run));
    EXPECT_THAT(m_findings.snapshot(), IsEmpty());
    ASSERT_TRUE(write(run, {{"activation_type", "int8"}}));
    ASSERT_EQ(m_findings.snapshot().size(), 1U) << "said once, not per layer";
    EXPECT_THAT(m_findings.snapshot()[0].finding.what, HasSubstr("saturate"));
}

TEST_F(OnnxQdqExporterTest, ReadBackNoticesWrongWeightsAndScales) {
    const qs::Run run = makeSampleRun(openMixed(), kW8, kA8);
    ASSERT_TRUE(write(run));
    ASSERT_TRUE(compareWithRun(run, m_target, {}));
    for (const int kind : {0, 1, 2}) {
        qs::Run changed = run;
        auto result = std::make_shared<LayerResult>(*run.layers[0]);
        auto matrix = std::make_shared<QuantizedMatrix>(*result->quantized.weight);
        if (kind == 0)
            matrix->codes[5] = static_cast<std::int16_t>(matrix->codes[5] == 0 ? 1 : 0);
        if (kind == 1)
            matrix->scales[1] *= 1.001f;
        if (kind == 2)
            result->quantized.activation->scale *= 2;
        result->quantized.weight = matrix;
        changed.layers[0] = result;
        const auto compared = compareWithRun(changed, m_target, {});
        ASSERT_FALSE(compared) << kind;
        EXPECT_EQ(compared.error().code, ErrorCode::CorruptFile);
        EXPECT_THAT(compared.error().text(), HasSubstr(run.model->layers[0].name));
    }
}

} // namespace
} // namespace qs
