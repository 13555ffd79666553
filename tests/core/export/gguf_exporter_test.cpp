#include "core/export/exporters/gguf_exporter.h"

#include "core/exec/executor.h"
#include "core/graph/stored_weight.h"
#include "core/io/importer.h"
#include "core/io/importers/gguf_names.h"
#include "core/io/quantized/gguf_blocks.h"
#include "core/session/stored_run.h"
#include "tests/support/gguf_llama.h"
#include "tests/support/temp_dir.h"

#include <gmock/gmock.h>

namespace qs {
namespace {

using testing::HasSubstr;

const std::filesystem::path kSamples = QS_SAMPLE_DATA;

bool sameBytes(const Tensor &a, const Tensor &b) {
    return a.dtype() == b.dtype() && a.shape() == b.shape() &&
           std::equal(a.bytes(), a.bytes() + a.sizeBytes(), b.bytes());
}

class GgufExport : public testing::Test {
protected:
    /// A run in which nothing is quantized.
    static qs::Run floatRun(std::shared_ptr<const Model> model) {
        qs::Run run = makeSampleRun(std::move(model), {});
        for (auto &layer : run.layers) {
            auto result = std::make_shared<LayerResult>();
            result->layer = result->quantized.layer = layer->layer;
            layer = std::move(result);
        }
        return run;
    }
    static Tensor blocksOf(const Layer &layer, const Model &model, BlockType type) {
        const Tensor weight = weightMatrix(layer, model.graph).value();
        const auto bytes =
            encodeBlocks(type, {weight.values<float>().data(), layer.outChannels, layer.inPerOut}, {})
                .value();
        Tensor blocks = Tensor::allocate(blockDType(type), weight.shape());
        std::copy(bytes.begin(), bytes.end(), blocks.mutableBytes());
        return blocks;
    }
    /// Quantizes a layer as the method of that format does.
    static void quantize(qs::Run &run, const Layer &layer, BlockType type) {
        auto result = std::make_shared<LayerResult>(*run.layers[static_cast<std::size_t>(layer.id)]);
        QuantizedMatrix matrix =
            matrixOf(readBlocks(blocksOf(layer, *run.model, type)).value(), layer).value();
        matrix.blocks = {}; // methods give codes and scales
        result->state = LayerResult::State::Quantized;
        result->choice.weight.emplace().method = blockFormat(type).name;
        result->quantized.weight = std::make_shared<const QuantizedMatrix>(std::move(matrix));
        run.layers[static_cast<std::size_t>(layer.id)] = std::move(result);
    }
    std::shared_ptr<const Model> exported(const qs::Run &run, const nlohmann::json &options = {}) {
        const auto report = m_exporter.write(run, m_target, options, m_findings, {});
        EXPECT_TRUE(report) << (report ? "" : report.error().text());
        if (!report)
            return nullptr;
        m_report = *report;
        return openSample(m_target);
    }
    std::string refusal(const qs::Run &run) {
        const auto report = m_exporter.write(run, m_target, {}, m_findings, {});
        EXPECT_FALSE(std::filesystem::exists(m_target));
        return report ? "" : report.error().text();
    }
    std::string said() const {
        std::string text;
        for (const auto &entry : m_findings.snapshot())
            text += entry.finding.where + ": " + entry.finding.what + "\n";
        return text;
    }
    static std::string metadata(const Model &model, const std::string &key) {
        for (const MetadataEntry &entry : model.metadata)
            if (entry.key == key)
                return entry.value;
        return "missing";
    }
    static std::vector<float> logits(const std::shared_ptr<const Model> &model,
                                     const PassOptions &options = {}) {
        const std::vector<std::int64_t> ids{1, 5, 2, 8, 3, 11, 7, 0};
        const auto executor = Executor::create(model).value();
        const auto outputs = executor->run(
            {Tensor::fromValues<std::int64_t>(Shape{1, 8}, std::span<const std::int64_t>(ids))}, options, {});
        EXPECT_TRUE(outputs) << (outputs ? "" : outputs.error().text());
        return {outputs->front().values<float>().begin(), outputs->front().values<float>().end()};
    }
    static double farthest(const std::vector<float> &a, const std::vector<float> &b) {
        EXPECT_EQ(a.size(), b.size());
        double worst = 0;
        for (std::size_t i = 0; i < a.size(); ++i)
            worst = std::max(worst, std::abs(static_cast<double>(a[i]) - b[i]));
        return worst;
    }

    TempDir m_folder;
    std::filesystem::path m_target = m_folder.path() / "target.gguf";
    GgufExporter m_exporter;
    FindingList m_findings;
    ExportReport m_report;
};

TEST_F(GgufExport, MixedBlocksComeBackByteForByteAndComputeTheSame) {
    const auto model = openSample(kSamples / "tiny-llama.onnx");
    qs::Run run = floatRun(model);
    const auto formatOf = [](const Layer &layer) {
        return layer.name == "embed_tokens"          ? BlockType::Q8_0
               : layer.name.ends_with("v_proj")      ? BlockType::Q6_K
               : layer.name.ends_with("o_proj")      ? BlockType::Q4_0
               : layer.name.ends_with("mlp.up_proj") ? BlockType::IQ4_XS
                                                     : BlockType::Q4_K;
    };
    for (const Layer &layer : model->layers)
        if (layer.name != "lm_head")
            quantize(run, layer, formatOf(layer));
    const auto read = exported(run);
    ASSERT_TRUE(read);
    EXPECT_EQ(m_report.floatLayers, std::vector<std::string>{"lm_head"});
    EXPECT_LT(m_report.worstWeightDifference, 1e-6);
    for (const Layer &layer : model->layers) {
        const Layer &same = *read->findLayer(layer.name);
        const Tensor &stored = storedWeight(same, read->graph);
        if (layer.name == "lm_head") {
            EXPECT_EQ(stored.dtype(), DType::BFloat16) << "the smallest that holds these weights";
            continue;
        }
        EXPECT_TRUE(sameBytes(stored, blocksOf(layer, *model, formatOf(layer)))) << layer.name;
        const QuantizedMatrix &codes = *read->stored.at(same.id)->weight;
        EXPECT_EQ(codes.codes, run.layers[static_cast<std::size_t>(layer.id)]->quantized.weight->codes)
            << layer.name;
    }
    const auto quantized = run.quantizedLayers();
    EXPECT_LT(farthest(logits(model, substitutions(*model, quantized).value()), logits(read)), 1e-4);
    EXPECT_GT(farthest(logits(model), logits(read)), 1e-2) << "the weights are not the float ones";
}

TEST_F(GgufExport, MetadataIsWhatRuntimesNeed) {
    const auto model = openSample(kSamples / "tiny-llama.onnx");
    const auto read = exported(floatRun(model), {{"float_type", "f32"}});
    ASSERT_TRUE(read);
    const std::map<std::string, std::string> expected = {
        {"general.architecture", "llama"},    {"general.name", "tiny-llama"},
        {"general.file_type", "0"},           {"general.quantization_version", "2"},
        {"llama.context_length", "256"},      {"llama.embedding_length", "256"},
        {"llama.block_count", "4"},           {"llama.feed_forward_length", "768"},
        {"llama.attention.head_count", "4"},  {"llama.attention.head_count_kv", "2"},
        {"llama.attention.key_length", "64"}, {"llama.rope.dimension_count", "64"},
        {"llama.rope.freq_base", "10000"},    {"llama.vocab_size", "65"},
        {"tokenizer.ggml.model", "no_vocab"}, {"quantoscope.source_file", "tiny-llama.onnx"}};
    for (const auto &[key, value] : expected)
        EXPECT_EQ(metadata(*read, key), value) << key;
    EXPECT_EQ(metadata(*read, "llama.attention.layer_norm_rms_epsilon"), "1e-05");
    EXPECT_THAT(said(), HasSubstr("no tokenizer"));
    EXPECT_EQ(std::filesystem::file_size(m_target) % 32, 0U) << "the last tensor is padded, too";
    EXPECT_EQ(m_report.worstWeightDifference, 0);
}

TEST_F(GgufExport, GridsOfOtherMethodsBecomeBlocks) {
    const auto model = openSample(kSamples / "tiny-llama.onnx");
    struct Case {
        int bits;
        GridConvention convention;
        BlockType type;
    };
    for (const Case &test : {Case{3, GridConvention::SymmetricFull, BlockType::Q4_0},
                             Case{4, GridConvention::SymmetricOffset, BlockType::Q4_0},
                             Case{4, GridConvention::Asymmetric, BlockType::Q4_1},
                             Case{5, GridConvention::SymmetricFull, BlockType::Q5_0},
                             Case{5, GridConvention::Asymmetric, BlockType::Q5_1},
                             Case{8, GridConvention::SymmetricFull, BlockType::Q8_0}}) {
        WeightGridScheme scheme;
        scheme.grid.bits = test.bits;
        scheme.grid.convention = test.convention;
        scheme.granularity = Granularity::PerGroup;
        scheme.groupSize = 64;
        scheme.scaleAsFloat16 = true;
        const qs::Run run = makeSampleRun(model, scheme);
        const auto read = exported(run);
        ASSERT_TRUE(read);
        for (const Layer &layer : read->layers)
            EXPECT_EQ(storedWeight(layer, read->graph).dtype(), blockDType(test.type)) << layer.name;
        // Float16 scales are those of the run; minima are rounded to a 2048th.
        const bool exact = test.convention != GridConvention::Asymmetric;
        EXPECT_LE(m_report.worstWeightDifference, exact ? 0 : 1e-3) << test.bits;
    }
    EXPECT_THAT(said(), HasSubstr("are written as q4_1 blocks"));
}

TEST_F(GgufExport, WhatNoBlockHoldsIsWrittenAsNumbersAndSaidSo) {
    const auto model = openSample(m_folder.write("source.gguf", smallLlama(0)));
    const qs::Run run = makeSampleRun(model, {}); // a scale per row, eight asymmetric bits
    const auto read = exported(run);
    ASSERT_TRUE(read);
    EXPECT_THAT(said(), HasSubstr("no block format of GGUF holds their codes"));
    for (const Layer &layer : read->layers) {
        const Tensor expected =
            run.layers[static_cast<std::size_t>(layer.id)]->quantized.weight->dequantize();
        const Tensor found = weightMatrix(layer, read->graph).value();
        EXPECT_TRUE(sameBytes(found, expected)) << layer.name;
    }
}

TEST_F(GgufExport, AGgufSourceKeepsItsMetadataAndItsBlocks) {
    for (const std::uint32_t type : {0u, 8u, 20u}) {
        const auto source = openSample(m_folder.write("source.gguf", smallLlama(type)));
        const auto stored = storedRun(source);
        EXPECT_EQ(stored != nullptr, type != 0);
        const auto read = exported(stored ? *stored : floatRun(source), {{"float_type", "f32"}});
        ASSERT_TRUE(read);
        EXPECT_EQ(metadata(*read, "general.name"), "a small one");
        EXPECT_EQ(metadata(*read, "tokenizer.ggml.tokens"), metadata(*source, "tokenizer.ggml.tokens"));
        EXPECT_EQ(m_report.worstWeightDifference, 0);
        for (const Layer &layer : source->layers)
            EXPECT_TRUE(sameBytes(storedWeight(layer, source->graph),
                                  storedWeight(*read->findLayer(layer.name), read->graph)))
                << layer.name;
        EXPECT_EQ(farthest(logits(source), logits(read)), 0);
    }
}

TEST_F(GgufExport, RowsThatAreNoWholeBlocksTakeAnotherFormatWhenAsked) {
    const auto model = openSample(m_folder.write("source.gguf", smallLlama(0)));
    qs::Run run = floatRun(model);
    auto failed = std::make_shared<LayerResult>(*run.layers[1]);
    failed->state = LayerResult::State::Failed;
    failed->failure = "stores blocks of 256 weights";
    failed->choice.weight.emplace().method = "q4_k";
    run.layers[1] = failed;
    const std::string name = model->layers[1].name;
    auto read = exported(run);
    ASSERT_TRUE(read);
    EXPECT_THAT(said(), HasSubstr(name + " is in the file as plain numbers: stores blocks of 256"));
    m_findings.clear();
    read = exported(run, {{"fallback", true}});
    ASSERT_TRUE(read);
    EXPECT_THAT(said(), HasSubstr("so q5_0 was taken"));
    EXPECT_TRUE(sameBytes(storedWeight(*read->findLayer(name), read->graph),
                          blocksOf(model->layers[1], *model, BlockType::Q5_0)));
}

TEST_F(GgufExport, FoldersOfTheFamilyComputeTheSame) {
    // The exporter itself runs both and compares; here the outputs are compared once more.
    for (const char *name :
         {"llama-bias", "linear-rope", "llama3-rope", "yarn-rope", "mistral-window", "qwen2", "qwen3-tied"}) {
        const auto model = openSample(std::filesystem::path(QS_TEST_DATA) / "architectures" / name);
        const auto read = exported(floatRun(model));
        ASSERT_TRUE(read) << name;
        EXPECT_LT(farthest(logits(model), logits(read)), 1e-5) << name;
        EXPECT_EQ(metadata(*read, "general.architecture"),
                  std::string(name).starts_with("qwen") ? std::string(name).substr(0, 5) : "llama");
    }
    EXPECT_THAT(said(), HasSubstr("see the last 4 keys only"));
}

TEST_F(GgufExport, CorrectionsBecomeBiases) {
    const auto model = openSample(m_folder.write("source.gguf", smallLlama(0)));
    qs::Run run = floatRun(model);
    const Layer &layer = *model->findLayer("layers.0.self_attn.k_proj");
    auto result = std::make_shared<LayerResult>(*run.layers[static_cast<std::size_t>(layer.id)]);
    for (std::int64_t i = 0; i < layer.outChannels; ++i)
        result->quantized.outputOffset.push_back(0.1f * static_cast<float>(i));
    run.layers[static_cast<std::size_t>(layer.id)] = result;
    const auto read = exported(run);
    ASSERT_TRUE(read);
    const Tensor *bias = read->graph.constant(read->graph.findValue("layers.0.self_attn.k_proj.bias"));
    ASSERT_TRUE(bias);
    EXPECT_EQ(std::vector<float>(bias->values<float>().begin(), bias->values<float>().end()),
              result->quantized.outputOffset);
    result->quantized.outputOffset.resize(static_cast<std::size_t>(kGgufWords), 1.0f);
}

TEST_F(GgufExport, RefusesWhatTheFormatHasNoPlaceFor) {
    EXPECT_THAT(refusal(makeSampleRun(openSample(kSamples / "glyph-cnn.onnx"), {})),
                HasSubstr("not that of a LLaMA-like network"));
    const auto model = openSample(m_folder.write("source.gguf", smallLlama(0)));
    qs::Run run = floatRun(model);
    auto prepared = std::make_shared<PreparedModel>();
    prepared->model = model;
    prepared->edits.emplace_back().nodes.push_back({"turn", "MatMul", {"a", "b"}, "c"});
    run.prepared = prepared;
    EXPECT_THAT(refusal(run), HasSubstr("puts the operator MatMul into the network"));
    run.prepared = nullptr;
    m_folder.write("source.gguf", smallLlama(8));
    EXPECT_THAT(refusal(run), HasSubstr("no longer the file that was opened"));
}

TEST_F(GgufExport, ANetworkThatComputesSomethingElseIsNotWritten) {
    // The model of the run is not what its file says: the norms have another epsilon than the metadata.
    const auto source = openSample(m_folder.write("source.gguf", smallLlama(0)));
    auto changed = std::make_shared<Model>(*source);
    GraphEdit edit;
    for (const auto &[id, tensor] : source->graph.constants())
        if (tensor.numel() == 1 && tensor.dtype() == DType::Float32 && tensor.values<float>()[0] == 1e-5f)
            edit.constants.push_back({source->graph.value(id).name, Tensor::scalar(0.5f)});
    ASSERT_FALSE(edit.empty());
    changed->graph = applyEdit(source->graph, edit).value();
    EXPECT_THAT(refusal(floatRun(changed)), HasSubstr("its outputs differ from those of the run"));
}

TEST(GgufNames, RowsOfPairsAndHalvesAreInverse) {
    const Tensor rows = sampleValues(Shape{12, 3}, 1);
    const Tensor pairs = rowsOfPairs(rows, 6);
    EXPECT_FALSE(sameBytes(pairs, rows));
    EXPECT_EQ(pairs.values<float>()[3], rows.values<float>()[9])
        << "row 1 of a head is row 3, half a head on";
    EXPECT_TRUE(sameBytes(rowsOfHalves(pairs, 6), rows));
    EXPECT_EQ(ggufTensorName("layers.12.mlp.gate_proj.weight"), "blk.12.ffn_gate.weight");
    EXPECT_EQ(ggufTensorName("something.weight"), "");
}

} // namespace
} // namespace qs
