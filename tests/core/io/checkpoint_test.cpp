#include "core/exec/executor.h"
#include "core/graph/weights_only.h"
#include "core/io/importer.h"
#include "core/io/importers/safetensors_files.h"
#include "core/io/quantized/checkpoint.h"
#include "core/tensor/convert.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temp_dir.h"

#include <fstream>

namespace qs {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string textOf(const FindingList &findings) {
    std::string text;
    for (const auto &entry : findings.snapshot())
        text += entry.finding.where + ": " + entry.finding.what + "\n";
    return text;
}

std::map<std::string, Tensor> tensorsOf(const fs::path &file) {
    FindingList findings;
    const auto read = readSafetensors({file.parent_path(), {}, {file}, {}}, findings, {});
    EXPECT_TRUE(read) << read.error().text();
    std::map<std::string, Tensor> tensors;
    for (const NamedTensor &named : *read)
        tensors[named.name] = named.tensor;
    return tensors;
}

Tensor output(const std::shared_ptr<const Model> &model) {
    const auto executor = Executor::create(model);
    EXPECT_TRUE(executor) << executor.error().text();
    const std::vector<std::int64_t> ids{1, 5, 2, 0, 19, 7};
    const auto outputs = (*executor)->run({Tensor::fromValues<std::int64_t>(Shape{1, 6}, ids)}, {}, {});
    EXPECT_TRUE(outputs) << outputs.error().text();
    return (*outputs)[0];
}

/// The packed networks of tests/golden/checkpoints/make_checkpoints.py.
class Checkpoint : public testing::TestWithParam<const char *> {
protected:
    fs::path folder() const { return fs::path(QS_TEST_DATA) / "checkpoints" / GetParam(); }
    std::shared_ptr<const Model> open() {
        auto model = openModel(folder(), m_findings, {});
        EXPECT_TRUE(model) << model.error().text();
        return *model;
    }
    FindingList m_findings;
};

TEST_P(Checkpoint, CodesAndValuesAreThoseOfTheOracle) {
    const auto model = open();
    ASSERT_FALSE(isWeightsOnly(model->graph)) << textOf(m_findings);
    std::size_t compared = 0;
    for (const auto &[name, expected] : tensorsOf(folder() / "expected.st")) {
        const std::string module = name.substr(6, name.rfind('.') - 6); // without "model."
        const Layer *layer = model->findLayer(module);
        ASSERT_TRUE(layer) << module;
        ASSERT_TRUE(model->stored.contains(layer->id)) << module << '\n' << textOf(m_findings);
        const StoredQuantization &stored = *model->stored.at(layer->id);
        const QuantizedMatrix &matrix = *stored.weight;
        EXPECT_TRUE(matrix.validate());
        if (name.ends_with(".weight")) {
            const auto values = expected.values<float>();
            EXPECT_TRUE(std::ranges::equal(weightMatrix(*layer, model->graph)->values<float>(), values))
                << name;
            EXPECT_TRUE(std::ranges::equal(matrix.dequantize().values<float>(), values)) << name;
            ++compared;
        } else if (name.ends_with(".codes")) {
            const auto codes = expected.values<std::int32_t>();
            // Asymmetric codes count from 0 here.
            const int shift =
                *std::ranges::min_element(codes) < 0 && matrix.convention == GridConvention::Asymmetric
                    ? 1 << (matrix.bits - 1)
                    : 0;
            for (std::size_t i = 0; i < codes.size(); ++i)
                ASSERT_EQ(matrix.codes[i], codes[i] + shift) << name << ' ' << i;
        } else if (!matrix.groupOfColumn.empty()) {
            EXPECT_TRUE(std::ranges::equal(matrix.groupOfColumn, expected.values<std::int32_t>()));
        }
    }
    EXPECT_EQ(model->stored.size(), compared);
    EXPECT_GE(compared, 1U);
}

TEST_P(Checkpoint, RunsAsTheSameNetworkWithPlainWeights) {
    SafetensorsBuilder builder;
    const auto add = [&](const std::string &name, const Tensor &tensor) {
        const Tensor values = *toFloat32(tensor);
        builder.add(name, "F32", values.shape().dims(),
                    std::string(reinterpret_cast<const char *>(values.bytes()), values.sizeBytes()));
    };
    const auto expected = tensorsOf(folder() / "expected.st");
    for (const auto &[name, tensor] : expected)
        if (name.ends_with(".weight"))
            add(name, tensor);
    for (const auto &[name, tensor] : tensorsOf(folder() / "model.safetensors"))
        if (!expected.contains(name.substr(0, name.rfind('.')) + ".codes") || name.ends_with(".bias"))
            add(name, tensor);
    TempDir plain;
    std::ofstream(plain.path() / "model.safetensors", std::ios::binary) << builder.bytes();
    nlohmann::json config = nlohmann::json::parse(std::ifstream(folder() / "config.json"));
    config.erase("quantization_config");
    std::ofstream(plain.path() / "config.json") << config.dump();
    const auto reference = openModel(plain.path(), m_findings, {});
    ASSERT_TRUE(reference) << reference.error().text();
    EXPECT_TRUE((*reference)->stored.empty());
    const Tensor a = output(open()), b = output(*reference);
    EXPECT_TRUE(std::ranges::equal(a.values<float>(), b.values<float>()));
}

INSTANTIATE_TEST_SUITE_P(Formats, Checkpoint,
                         testing::Values("gptq-4", "gptq-4-actorder", "gptq-8-column", "gptq-2", "awq",
                                         "packed-4", "packed-3-asymmetric", "int8", "fp8", "fp8-block",
                                         "fp8-fine-grained", "bnb-nf4", "bnb-nf4-nested", "bnb-int8",
                                         "nvfp4"));

TEST(CheckpointFacts, EffectiveBitsCountWhatTheFileSpends) {
    FindingList findings;
    const auto bitsOf = [&](const char *name) {
        const auto model = *openModel(fs::path(QS_TEST_DATA) / "checkpoints" / name, findings, {});
        return model->stored.at(model->findLayer("layers.0.self_attn.q_proj")->id)->weight->bitsBreakdown();
    };
    EXPECT_DOUBLE_EQ(bitsOf("gptq-4").effective(), 4 + 16 / 8. + 4 / 8.);
    EXPECT_DOUBLE_EQ(bitsOf("gptq-4-actorder").indices, 32. * 16 / 256);
    EXPECT_DOUBLE_EQ(bitsOf("packed-4").effective(), 4 + 16 / 8.);
    EXPECT_DOUBLE_EQ(bitsOf("fp8").effective(), 8 + 32. / 256);
    EXPECT_DOUBLE_EQ(bitsOf("fp8-block").effective(), 8 + 32. / 64);
    EXPECT_DOUBLE_EQ(bitsOf("nvfp4").effective(), 4 + 8. / 16);
    EXPECT_DOUBLE_EQ(bitsOf("bnb-nf4").effective(), 4 + 32. / 64);
    EXPECT_DOUBLE_EQ(bitsOf("bnb-nf4-nested").effective(), 4 + (8 + 32. / 4) / 8);
}

TEST(CheckpointFacts, StaticActivationsAreReadAndSaid) {
    FindingList findings;
    const auto model = *openModel(fs::path(QS_TEST_DATA) / "checkpoints" / "int8", findings, {});
    const auto &stored = *model->stored.begin()->second;
    ASSERT_TRUE(stored.activation);
    EXPECT_EQ(stored.activation->scale, 0.03125f);
    EXPECT_EQ(stored.activation->zeroPoint, 0);
    EXPECT_EQ(stored.activationScheme.bits, 8);
    EXPECT_THAT(textOf(findings), HasSubstr("activations in float"));
}

TEST(UnpackWords, TakesTheWorkedExamplesOfTheFormats) {
    const std::int32_t gptq = static_cast<std::int32_t>(0x87654321u);
    std::vector<std::int32_t> codes(8);
    unpackWords(&gptq, 1, 4, codes);
    EXPECT_EQ(codes, (std::vector<std::int32_t>{1, 2, 3, 4, 5, 6, 7, 8}));
    // 3 bits: code 10 has its two low bits at bit 30 of word 0, code 21 its low one at bit 31 of word 1.
    std::uint32_t words[3] = {0, 0, 0};
    for (unsigned i = 0; i < 10; ++i)
        words[0] |= (i % 8) << (3 * i);
    words[0] |= 1u << 30; // code 10 = 5 = 0b101
    words[1] |= 1u;
    for (unsigned i = 11; i < 21; ++i)
        words[1] |= (i % 8) << (1 + 3 * (i - 11));
    words[2] |= 3u; // code 21 = 6 = 0b110: low bit 0, high bits 0b11
    for (unsigned i = 22; i < 32; ++i)
        words[2] |= (i % 8) << (2 + 3 * (i - 22));
    std::vector<std::int32_t> three(32);
    unpackWords(reinterpret_cast<const std::int32_t *>(words), 1, 3, three);
    for (std::int32_t i = 0; i < 32; ++i)
        EXPECT_EQ(three[static_cast<std::size_t>(i)], i == 10 ? 5 : i == 21 ? 6 : i % 8) << i;
}

TEST(ReadAwqModule, TakesTheWorkedExampleOfTheFormat) {
    const auto word = static_cast<std::int32_t>(0x86427531u);
    const auto ints = [](Shape shape, std::vector<std::int32_t> values) {
        return Tensor::fromValues<std::int32_t>(std::move(shape), values);
    };
    CheckpointScheme scheme;
    scheme.kind = CheckpointScheme::Kind::Awq;
    scheme.groupSize = -1;
    const std::vector<float> scales(8, 0.5f);
    const auto grid = readAwqModule({{"qweight", ints(Shape{1, 1}, {word})},
                                     {"qzeros", ints(Shape{1, 1}, {0})},
                                     {"scales", Tensor::fromValues<float>(Shape{1, 8}, scales)}},
                                    scheme);
    ASSERT_TRUE(grid) << grid.error().text();
    EXPECT_EQ(grid->codes, (std::vector<std::int32_t>{1, 2, 3, 4, 5, 6, 7, 8}));
}

/// A folder of one GPTQ layer, of which tests change something.
class DamagedGptq : public testing::Test {
protected:
    using Ints = std::vector<std::int32_t>;

    std::string complaint() {
        SafetensorsBuilder builder;
        for (const auto &[name, tensor] : m_tensors)
            builder.add(name, tensor.dtype() == DType::Float32 ? "F32" : "I32", tensor.shape().dims(),
                        std::string(reinterpret_cast<const char *>(tensor.bytes()), tensor.sizeBytes()));
        std::ofstream(m_folder.path() / "model.safetensors", std::ios::binary) << builder.bytes();
        std::ofstream(m_folder.path() / "config.json")
            << nlohmann::json{{"model_type", "none"}, {"quantization_config", m_quantization}}.dump();
        FindingList findings;
        const auto model = openModel(m_folder.path(), findings, {});
        EXPECT_TRUE(model) << model.error().text();
        m_stored = model ? (*model)->stored.size() : 0;
        return textOf(findings);
    }
    void set(const std::string &name, Shape shape, Ints values) {
        m_tensors["a." + name] = Tensor::fromValues<std::int32_t>(std::move(shape), values);
    }
    void setScales(float value) {
        m_tensors["a.scales"] = Tensor::fromValues<float>(Shape{2, 8}, std::vector<float>(16, value));
    }
    void SetUp() override {
        set("qweight", Shape{2, 8}, Ints(16, 0x12345678));
        set("qzeros", Shape{2, 1}, Ints(2, 0x77777777));
        set("g_idx", Shape{16}, {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1});
        setScales(0.5f);
    }

    TempDir m_folder;
    std::map<std::string, Tensor> m_tensors;
    nlohmann::json m_quantization{{"quant_method", "gptq"}, {"bits", 4}, {"group_size", 8}};
    std::size_t m_stored = 0;
};

TEST_F(DamagedGptq, WhatIsWholeIsRead) {
    EXPECT_THAT(complaint(), testing::Not(HasSubstr("cannot be read")));
    EXPECT_EQ(m_stored, 1U);
}

TEST_F(DamagedGptq, WrongSizesAndIndicesAreNamed) {
    set("qzeros", Shape{1, 2}, Ints(2, 0));
    EXPECT_THAT(complaint(), HasSubstr("a: Its packed weight cannot be read: it has qzeros [1, 2]"));
    EXPECT_EQ(m_stored, 0U);
    set("qzeros", Shape{2, 1}, Ints(2, 0));
    set("g_idx", Shape{16}, Ints(16, 2));
    EXPECT_THAT(complaint(), HasSubstr("group index 2 at 0; there are 2 groups"));
    set("g_idx", Shape{16}, Ints(16, -1));
    EXPECT_THAT(complaint(), HasSubstr("group index -1"));
    set("g_idx", Shape{4}, Ints(4, 0));
    EXPECT_THAT(complaint(), HasSubstr("4 group indices"));
}

TEST_F(DamagedGptq, MissingTensorsAndUnknownSchemesAreNamed) {
    m_tensors.erase("a.qzeros");
    EXPECT_THAT(complaint(), HasSubstr("has no tensor 'qzeros'"));
    for (const auto &[key, value, words] : std::vector<std::tuple<std::string, nlohmann::json, std::string>>{
             {"bits", 5, "5 bits"},
             {"bits", "four", "whole number"},
             {"group_size", 0, "group_size"},
             {"checkpoint_format", "marlin", "'marlin'"},
             {"quant_method", "hqq", "'hqq'"},
             {"dynamic", {{"x", 1}}, "dynamic"}}) {
        const nlohmann::json before = m_quantization;
        m_quantization[key] = value;
        EXPECT_THAT(complaint(), HasSubstr(words)) << key;
        m_quantization = before;
    }
    m_quantization = 7;
    EXPECT_THAT(complaint(), HasSubstr("JSON object"));
}

TEST_F(DamagedGptq, ScalesThatAreZeroOrNoNumberAreSaid) {
    setScales(0);
    EXPECT_THAT(complaint(), HasSubstr("16 of its 16 scales are 0"));
    EXPECT_EQ(m_stored, 1U) << "the weights are zeros";
    setScales(std::numeric_limits<float>::infinity());
    EXPECT_THAT(complaint(), HasSubstr("NaN or infinite"));
    EXPECT_EQ(m_stored, 0U);
}

TEST_F(DamagedGptq, ZeroPointsBeyondTheCodesBecomeRealOnes) {
    set("qzeros", Shape{2, 1}, Ints(2, -1)); // 15 + 1
    complaint();
    ASSERT_EQ(m_stored, 1U);
    FindingList findings;
    const auto model = *openModel(m_folder.path(), findings, {});
    const QuantizedMatrix &matrix = *model->stored.begin()->second->weight;
    ASSERT_EQ(matrix.realZeroPoints.size(), 16U);
    EXPECT_EQ(matrix.realZeroPoints[0], 16.0f);
    EXPECT_EQ(matrix.valueOf(8, 0), -4.0f);
}

} // namespace
} // namespace qs
