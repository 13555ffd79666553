#include "core/base/random.h"
#include "core/exec/executor.h"
#include "core/graph/attention.h"
#include "core/graph/weights_only.h"
#include "core/io/importer.h"
#include "core/io/importers/safetensors_files.h"
#include "core/transform/residual_rotation.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temp_dir.h"

namespace qs {
namespace {

using testing::HasSubstr;

std::shared_ptr<const Model> open(const std::filesystem::path &path, FindingList &findings) {
    auto model = openModel(path, findings, {});
    EXPECT_TRUE(model) << model.error().text();
    return model ? *model : nullptr;
}

std::vector<Tensor> run(const std::shared_ptr<const Model> &model, std::vector<Tensor> inputs) {
    const auto executor = Executor::create(model);
    EXPECT_TRUE(executor) << executor.error().text();
    if (!executor)
        return {};
    auto outputs = (*executor)->run(std::move(inputs), {}, {});
    EXPECT_TRUE(outputs) << outputs.error().text();
    return outputs ? *outputs : std::vector<Tensor>{};
}

double largestDifference(const Tensor &a, const Tensor &b) {
    EXPECT_EQ(a.shape(), b.shape());
    double largest = 0;
    if (a.shape() == b.shape())
        for (std::size_t i = 0; i < a.values<float>().size(); ++i)
            largest =
                std::max(largest, std::abs(static_cast<double>(a.values<float>()[i]) - b.values<float>()[i]));
    return largest;
}

std::string textOf(const FindingList &findings) {
    std::string text;
    for (const auto &entry : findings.snapshot())
        text += entry.finding.where + ": " + entry.finding.what + "\n";
    return text;
}

/// The golden networks of tests/golden/architectures/make_architectures.py, computed there with torch
/// operators.
class Architecture : public testing::TestWithParam<const char *> {};

TEST_P(Architecture, ComputesWhatTorchComputes) {
    const std::filesystem::path folder = std::filesystem::path(QS_TEST_DATA) / "architectures" / GetParam();
    FindingList findings;
    const auto model = open(folder, findings);
    ASSERT_TRUE(model);
    ASSERT_FALSE(isWeightsOnly(model->graph)) << textOf(findings);
    EXPECT_THAT(textOf(findings), testing::Not(HasSubstr("not part of the graph")));
    const auto expected = readSafetensors({folder, {}, {folder / "expected.st"}, {}}, findings, {});
    ASSERT_TRUE(expected) << expected.error().text();
    ASSERT_EQ(expected->size(), 2u);
    const auto output =
        std::find_if(expected->begin(), expected->end(), [](const auto &t) { return t.name == "output"; });
    const auto &input = (*expected)[output == expected->begin() ? 1 : 0];
    EXPECT_EQ(model->graph.value(model->graph.inputs().at(0)).name, input.name);
    const auto outputs = run(model, {input.tensor});
    ASSERT_EQ(outputs.size(), 1u);
    EXPECT_LT(largestDifference(outputs[0], output->tensor), 1e-4);
    EXPECT_EQ(findAttention(*model).blocks.size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Families, Architecture,
                         testing::Values("llama-bias", "llama3-rope", "linear-rope", "yarn-rope",
                                         "mistral-window", "qwen2", "qwen3-tied", "gpt2", "opt",
                                         "opt-post-norm", "bert", "bert-mlm", "bert-classifier", "vit",
                                         "deit"));

/// tiny-llama.onnx taken apart into the files that Hugging Face would keep it in.
class TinyLlama : public testing::Test {
protected:
    void SetUp() override {
        m_onnx = open(QS_SAMPLE_DATA "/tiny-llama.onnx", m_findings);
        ASSERT_TRUE(m_onnx);
        SafetensorsBuilder file;
        for (const auto &[id, tensor] : m_onnx->graph.constants())
            if (const std::string &name = m_onnx->graph.value(id).name; name.ends_with("norm.weight"))
                add(file, name, tensor);
        for (const Layer &layer : m_onnx->layers)
            add(file, (layer.name == "lm_head" ? "" : "model.") + layer.name + ".weight",
                weightMatrix(layer, m_onnx->graph).value());
        m_weights = file.bytes();
        writeModel("tiny-llama", config());
    }
    static void add(SafetensorsBuilder &file, const std::string &name, const Tensor &tensor) {
        file.add(name, "F32", tensor.shape().dims(),
                 std::string(reinterpret_cast<const char *>(tensor.bytes()), tensor.sizeBytes()));
    }
    static nlohmann::json config() {
        return nlohmann::json::parse(readFile(QS_SAMPLE_DATA "/tiny-llama/config.json"));
    }
    std::filesystem::path writeModel(const std::string &folder, const nlohmann::json &config) {
        m_dir.write(folder + "/model.safetensors", m_weights);
        return m_dir.write(folder + "/config.json", config.dump()).parent_path();
    }
    static Tensor ids(std::int64_t batch, std::int64_t tokens) {
        Random random(1);
        Tensor ids = Tensor::allocate(DType::Int64, Shape{batch, tokens});
        for (std::int64_t &id : ids.mutableValues<std::int64_t>())
            id = static_cast<std::int64_t>(random.below(65));
        return ids;
    }
    /// Opens a changed config and returns what is said about it.
    std::string complaint(const nlohmann::json &changes) {
        nlohmann::json changed = config();
        changed.merge_patch(changes);
        FindingList findings;
        const auto model = open(writeModel("changed", changed), findings);
        EXPECT_TRUE(model && isWeightsOnly(model->graph)) << changes;
        return textOf(findings);
    }
    TempDir m_dir;
    FindingList m_findings;
    std::string m_weights;
    std::shared_ptr<const Model> m_onnx;
};

TEST_F(TinyLlama, GivesTheLogitsOfTheOnnxModel) {
    const auto model = open(m_dir.path() / "tiny-llama", m_findings);
    ASSERT_TRUE(model);
    EXPECT_EQ(textOf(m_findings), "");
    EXPECT_EQ(model->file.filename(), "tiny-llama");
    for (const auto &[batch, tokens] : {std::pair{2, 33}, std::pair{1, 256}, std::pair{1, 1}}) {
        const auto expected = run(m_onnx, {ids(batch, tokens)}), outputs = run(model, {ids(batch, tokens)});
        ASSERT_EQ(outputs.size(), 1u);
        EXPECT_LT(largestDifference(outputs[0], expected[0]), 1e-4) << tokens;
    }
}

TEST_F(TinyLlama, HasTheSameLayersAttentionAndResidualStream) {
    const auto model = open(m_dir.path() / "tiny-llama", m_findings);
    ASSERT_TRUE(model);
    ASSERT_EQ(model->layers.size(), m_onnx->layers.size());
    for (const Layer &layer : m_onnx->layers) {
        const Layer *same = model->findLayer(layer.name);
        ASSERT_TRUE(same) << layer.name;
        EXPECT_EQ(same->weightShape, layer.weightShape);
    }
    const AttentionSearch ours = findAttention(*model), theirs = findAttention(*m_onnx);
    ASSERT_EQ(ours.blocks.size(), theirs.blocks.size());
    for (std::size_t i = 0; i < ours.blocks.size(); ++i) {
        EXPECT_EQ(ours.blocks[i].name, theirs.blocks[i].name);
        EXPECT_EQ(ours.blocks[i].mask, AttentionMask::Causal);
        EXPECT_EQ(ours.blocks[i].heads, 4);
        EXPECT_EQ(ours.blocks[i].kvHeads, 2);
        EXPECT_EQ(ours.blocks[i].headWidth, 64);
        EXPECT_EQ(ours.blocks[i].layers.size(), theirs.blocks[i].layers.size());
        EXPECT_NEAR(ours.blocks[i].scale.value_or(0), 0.125, 1e-7);
    }
    const auto stream = findResidualStream(*model), reference = findResidualStream(*m_onnx);
    ASSERT_TRUE(stream) << stream.error().text();
    EXPECT_EQ(stream->writers.size(), reference->writers.size());
    EXPECT_EQ(stream->readers.size(), reference->readers.size());
    EXPECT_EQ(findSites(*model).size(), findSites(*m_onnx).size());
}

TEST_F(TinyLlama, OpensByEveryFileOfTheFolder) {
    for (const char *file : {"config.json", "model.safetensors", ""}) {
        const auto model = open(m_dir.path() / "tiny-llama" / file, m_findings);
        ASSERT_TRUE(model) << file;
        EXPECT_EQ(model->format, "Hugging Face");
        EXPECT_EQ(model->file.filename(), "tiny-llama");
    }
}

TEST_F(TinyLlama, WhatIsNotKnownIsReportedAndOnlyWeightsOpen) {
    EXPECT_THAT(complaint({{"model_type", "mamba"}}), HasSubstr("model_type 'mamba' is not known"));
    EXPECT_THAT(complaint({{"rope_scaling", {{"rope_type", "longrope"}, {"factor", 2}}}}),
                HasSubstr("longrope"));
    EXPECT_THAT(complaint({{"rope_scaling", {{"rope_type", "yarn"}, {"factor", 2}, {"mscale", 1}}}}),
                HasSubstr("mscale"));
    EXPECT_THAT(complaint({{"rope_scaling", 3}}), HasSubstr("rope_scaling"));
    EXPECT_THAT(complaint({{"num_local_experts", 8}}), HasSubstr("experts"));
    EXPECT_THAT(complaint({{"quantization_config", {{"quant_method", "gptq"}}}}),
                HasSubstr("quantization_config"));
    EXPECT_THAT(complaint({{"partial_rotary_factor", 0.5}}), HasSubstr("partial_rotary_factor"));
    EXPECT_THAT(complaint({{"hidden_act", "mish"}}), HasSubstr("mish"));
    EXPECT_THAT(complaint({{"num_key_value_heads", 3}}), HasSubstr("num_key_value_heads"));
    EXPECT_THAT(complaint({{"head_dim", 1 << 20}}), HasSubstr("head_dim"));
    EXPECT_THAT(complaint({{"hidden_size", 128}}), HasSubstr("shape"));
    EXPECT_THAT(complaint({{"hidden_size", "wide"}}), HasSubstr("hidden_size"));
    EXPECT_THAT(complaint({{"num_hidden_layers", 5}}), HasSubstr("is missing"));
    EXPECT_THAT(complaint({{"attention_bias", true}}), HasSubstr("bias"));
}

TEST_F(TinyLlama, TensorsThatTheGraphDoesNotUseAreReported) {
    nlohmann::json fewer = config();
    fewer["num_hidden_layers"] = 3;
    const auto model = open(writeModel("fewer", fewer), m_findings);
    ASSERT_TRUE(model);
    EXPECT_FALSE(isWeightsOnly(model->graph));
    EXPECT_THAT(textOf(m_findings), HasSubstr("9 tensors of the checkpoint are not part of the graph"));
}

TEST_F(TinyLlama, WithoutAConfigItIsWeights) {
    const auto model = open(m_dir.write("alone/model.safetensors", m_weights), m_findings);
    ASSERT_TRUE(model);
    EXPECT_TRUE(isWeightsOnly(model->graph));
    EXPECT_EQ(model->layers.size(), m_onnx->layers.size());
    EXPECT_TRUE(model->findLayer("model.layers.3.mlp.down_proj"));
}

TEST_F(TinyLlama, CancelStops) {
    std::stop_source stop;
    stop.request_stop();
    RunContext ctx;
    ctx.stop = stop.get_token();
    EXPECT_EQ(openModel(m_dir.path() / "tiny-llama", m_findings, ctx).error().code, ErrorCode::Cancelled);
}

} // namespace
} // namespace qs
