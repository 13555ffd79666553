#include "core/analysis/stored_block.h"
#include "core/base/random.h"
#include "core/exec/executor.h"
#include "core/graph/weights_only.h"
#include "core/io/importer.h"
#include "core/tensor/blocks/block_codec.h"
#include "core/tensor/convert.h"
#include "tests/support/gguf_llama.h"
#include "tests/support/temp_dir.h"

namespace qs {
namespace {

using testing::HasSubstr;

std::string bytesOf(const Tensor &tensor) {
    return {reinterpret_cast<const char *>(tensor.bytes()), tensor.sizeBytes()};
}

/// Row-major float32 as elements of a GGUF type.
std::string encoded(const Tensor &values, std::uint32_t type) {
    const DType plain = type == 1 ? DType::Float16 : type == 30 ? DType::BFloat16 : DType::Float32;
    if (type == 0 || plain != DType::Float32)
        return bytesOf(castTensor(values, plain).value());
    const MatrixView<const float> matrix{values.values<float>().data(), values.shape()[0], values.shape()[1]};
    const auto blocks = encodeBlocks(static_cast<BlockType>(type), matrix, {}).value();
    return {reinterpret_cast<const char *>(blocks.data()), blocks.size()};
}

/// As llama.cpp's converter does: [heads, 2, width / 2] becomes [heads, width / 2, 2].
Tensor interleaved(const Tensor &values, std::int64_t width) {
    Tensor result = Tensor::allocate(DType::Float32, values.shape());
    const std::int64_t cols = values.shape()[1], half = width / 2;
    for (std::int64_t head = 0; head < values.shape()[0] / width; ++head)
        for (std::int64_t j = 0; j < 2; ++j)
            for (std::int64_t m = 0; m < half; ++m)
                std::copy_n(values.values<float>().data() + (head * width + j * half + m) * cols, cols,
                            result.mutableValues<float>().data() + (head * width + 2 * m + j) * cols);
    return result;
}

std::string textOf(const FindingList &findings) {
    std::string text;
    for (const auto &entry : findings.snapshot())
        text += entry.finding.where + ": " + entry.finding.what + "\n";
    return text;
}

class GgufModel : public testing::Test {
protected:
    std::shared_ptr<const Model> open(const std::string &bytes, const std::string &name = "model.gguf") {
        m_findings.clear();
        const auto model = openModel(m_dir.write(name, bytes), m_findings, {});
        EXPECT_TRUE(model) << (model ? "" : model.error().text());
        return model ? *model : nullptr;
    }
    TempDir m_dir;
    FindingList m_findings;
};

TEST_F(GgufModel, OfAnotherArchitectureOpensAsWeights) {
    GgufBuilder builder;
    builder.addText("general.architecture", "mamba");
    builder.add("mamba.block_count", 4, GgufBuilder::raw<std::uint32_t>(1));
    std::string block(34, '\0');
    block[1] = 0x3c; // scale 1
    block[2] = 5;
    builder.tensor("blk.0.ssm_in.weight", {32, 2}, 8, block + block);
    builder.tensor("token_embd.weight", {32, 3}, 1, std::string(192, '\0'));
    builder.tensor("blk.0.norm.weight", {32}, 0, std::string(128, '\0'));
    const auto model = open(builder.bytes());
    ASSERT_TRUE(model);
    EXPECT_TRUE(isWeightsOnly(model->graph));
    EXPECT_THAT(textOf(m_findings), HasSubstr("'mamba'"));
    EXPECT_EQ(model->format, "GGUF");
    ASSERT_EQ(model->metadata.size(), 2u);
    EXPECT_EQ(model->metadata[1].key + model->metadata[1].type + model->metadata[1].value,
              "mamba.block_countuint321");
    ASSERT_EQ(model->layers.size(), 2u);
    EXPECT_EQ(model->findLayer("token_embd")->kind, LayerKind::Embedding);
    const Layer &layer = *model->findLayer("blk.0.ssm_in");
    EXPECT_EQ(layer.outChannels, 2);
    EXPECT_EQ(dtypeName(model->graph.constant(layer.weight)->dtype()), "q8_0");
    const Tensor matrix = weightMatrix(layer, model->graph).value();
    EXPECT_EQ(matrix.values<float>()[32], 5);
    const auto stored = storedBlock(layer, model->graph, 1, 3);
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->byteOffset, 34);
    EXPECT_EQ(stored->parts.codes[0], 5);
    EXPECT_FALSE(storedBlock(*model->findLayer("token_embd"), model->graph, 0, 0)) << "float16 has no blocks";
}

TEST_F(GgufModel, ABlockIsThatOfTheFileOrOfTheMethod) {
    GgufBuilder builder;
    const std::string bytes = addRandom(builder, "a.weight", Shape{4, 256}, 12);
    const auto model = open(builder.bytes());
    ASSERT_TRUE(model);
    const Layer &layer = *model->findLayer("a");
    const QuantizedMatrix &codes = *model->stored.at(layer.id)->weight;
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), reinterpret_cast<const char *>(codes.blocks.bytes())));

    const Tensor original = sampleValues(Shape{4, 256}, 7 * 8 + 4, 0.3f);
    const MatrixView<const float> weights{original.values<float>().data(), 4, 256};
    const auto cell = inspectCell(layer, weights, &codes, 2, 70, {}).value();
    // The graph of another file: its own weight is not what the codes say.
    const auto block = blockBehind({layer, model->graph, weights, &codes}, cell);
    ASSERT_TRUE(block);
    EXPECT_EQ(block->byteOffset, 2 * 144);
    EXPECT_FALSE(block->isMade);
    ASSERT_TRUE(block->error);
    EXPECT_EQ(block->error->count, 256);
    EXPECT_GT(block->error->sqnrDb(), 15);

    QuantizedMatrix made = codes;
    made.blocks = {};
    const auto again = blockBehind({layer, model->graph, weights, &made, "q4_k"}, cell);
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->isMade);
    EXPECT_EQ(again->bytes, block->bytes);
    made.codes[2 * 256 + 70] ^= 1; // no longer what the method makes, nor what the file holds
    const auto other = inspectCell(layer, weights, &made, 2, 70, {}).value();
    EXPECT_FALSE(blockBehind({layer, model->graph, weights, &made, "q4_k"}, other));
}

TEST_F(GgufModel, InAFormatWithoutTableIsListedAndRefusedByName) {
    GgufBuilder builder;
    builder.tensor("a.weight", {256, 2}, 16, std::string(132, 'x'));
    builder.tensor("b.weight", {256, 1}, 12, std::string(144, '\0'));
    const auto model = open(builder.bytes());
    ASSERT_TRUE(model);
    EXPECT_THAT(textOf(m_findings), HasSubstr("1 tensors are iq2_xxs"));
    const auto matrix = weightMatrix(*model->findLayer("a"), model->graph);
    ASSERT_FALSE(matrix);
    EXPECT_EQ(matrix.error().code, ErrorCode::Unsupported);
    EXPECT_FALSE(storedBlock(*model->findLayer("a"), model->graph, 0, 0));
    EXPECT_TRUE(weightMatrix(*model->findLayer("b"), model->graph));
}

TEST_F(GgufModel, WithNaNInABlockIsReported) {
    GgufBuilder builder;
    std::string blocks(2 * 34, '\0');
    blocks[34] = 0x00;
    blocks[35] = 0x7e; // the scale of the second block
    blocks[36] = 1;
    builder.tensor("a.weight", {32, 2}, 8, blocks);
    ASSERT_TRUE(open(builder.bytes()));
    EXPECT_THAT(textOf(m_findings), HasSubstr("32 NaN and 0 infinite values; the first is at [1, 0]"));
}

TEST_F(GgufModel, OfSeveralPartsIsOpenedByAnyOfThem) {
    const auto part = [](std::uint16_t number, const std::string &tensor) {
        GgufBuilder builder;
        builder.add("split.no", 2, GgufBuilder::raw(number));
        builder.add("split.count", 2, GgufBuilder::raw<std::uint16_t>(2));
        builder.tensor(tensor, {8, 2}, 0, std::string(64, '\0'));
        return builder.bytes();
    };
    m_dir.write("m-00001-of-00002.gguf", part(0, "a.weight"));
    const auto model = open(part(1, "b.weight"), "m-00002-of-00002.gguf");
    ASSERT_TRUE(model);
    EXPECT_TRUE(model->findLayer("a") && model->findLayer("b"));
    EXPECT_EQ(model->file.filename(), "m-00001-of-00002.gguf");
    FindingList findings;
    const auto alone = openModel(m_dir.write("n-00001-of-00002.gguf", part(0, "a.weight")), findings, {});
    ASSERT_FALSE(alone);
    EXPECT_THAT(alone.error().text(), HasSubstr("part 2 of 2"));
    const auto misnamed = openModel(m_dir.write("other.gguf", part(0, "a.weight")), findings, {});
    ASSERT_FALSE(misnamed);
    EXPECT_THAT(misnamed.error().text(), HasSubstr("name them"));
}

/// tiny-llama.onnx as llama.cpp's converter would write it.
class TinyLlamaGguf : public GgufModel {
protected:
    void SetUp() override { m_onnx = openModel(QS_SAMPLE_DATA "/tiny-llama.onnx", m_findings, {}).value(); }
    static void addConfig(GgufBuilder &builder) {
        builder.addText("general.architecture", "llama");
        const std::vector<std::pair<std::string, std::uint32_t>> counts = {{"context_length", 256},
                                                                           {"embedding_length", 256},
                                                                           {"block_count", 4},
                                                                           {"vocab_size", 65},
                                                                           {"feed_forward_length", 768},
                                                                           {"attention.head_count", 4},
                                                                           {"attention.head_count_kv", 2},
                                                                           {"rope.dimension_count", 64}};
        for (const auto &[key, value] : counts)
            builder.add("llama." + key, 4, GgufBuilder::raw(value));
        builder.add("llama.attention.layer_norm_rms_epsilon", 6, GgufBuilder::raw(1e-5f));
        builder.add("llama.rope.freq_base", 6, GgufBuilder::raw(10000.0f));
    }
    /// The name in llama.cpp of "layers.0.mlp.up_proj.weight".
    static std::string ggufName(std::string name) {
        const std::vector<std::pair<std::string, std::string>> names = {
            {"model.", ""},
            {"layers.", "blk."},
            {"embed_tokens", "token_embd"},
            {"lm_head", "output"},
            {"self_attn.q_proj", "attn_q"},
            {"self_attn.k_proj", "attn_k"},
            {"self_attn.v_proj", "attn_v"},
            {"self_attn.o_proj", "attn_output"},
            {"input_layernorm", "attn_norm"},
            {"post_attention_layernorm", "ffn_norm"},
            {"mlp.gate_proj", "ffn_gate"},
            {"mlp.up_proj", "ffn_up"},
            {"mlp.down_proj", "ffn_down"}};
        for (const auto &[theirs, ours] : names)
            if (const auto place = name.find(theirs); place != name.npos)
                name.replace(place, theirs.size(), ours);
        return name == "norm.weight" ? "output_norm.weight" : name;
    }
    static bool isTurned(const std::string &layer) {
        return layer.ends_with("q_proj") || layer.ends_with("k_proj");
    }
    std::string file(std::uint32_t type) const {
        GgufBuilder builder;
        addConfig(builder);
        for (const auto &[id, tensor] : m_onnx->graph.constants())
            if (const std::string &name = m_onnx->graph.value(id).name; name.ends_with("norm.weight"))
                builder.tensor(ggufName(name), {tensor.shape()[0]}, 0, bytesOf(tensor));
        for (const Layer &layer : m_onnx->layers) {
            const Tensor matrix = weightMatrix(layer, m_onnx->graph).value();
            builder.tensor(ggufName(layer.name) + ".weight", {layer.inPerOut, layer.outChannels}, type,
                           encoded(isTurned(layer.name) ? interleaved(matrix, 64) : matrix, type));
        }
        return builder.bytes();
    }
    static Tensor logits(const std::shared_ptr<const Model> &model, std::int64_t tokens) {
        Random random(1);
        Tensor ids = Tensor::allocate(DType::Int64, Shape{2, tokens});
        for (std::int64_t &id : ids.mutableValues<std::int64_t>())
            id = static_cast<std::int64_t>(random.below(65));
        const auto executor = Executor::create(model);
        EXPECT_TRUE(executor) << (executor ? "" : executor.error().text());
        auto outputs = (*executor)->run({ids}, {}, {});
        EXPECT_TRUE(outputs) << (outputs ? "" : outputs.error().text());
        return outputs->front();
    }
    double difference(const std::shared_ptr<const Model> &model, std::int64_t tokens) const {
        const Tensor ours = logits(model, tokens), theirs = logits(m_onnx, tokens);
        EXPECT_EQ(ours.shape(), theirs.shape());
        double largest = 0;
        for (std::size_t i = 0; i < ours.values<float>().size(); ++i)
            largest = std::max(largest, std::abs(static_cast<double>(ours.values<float>()[i]) -
                                                 static_cast<double>(theirs.values<float>()[i])));
        return largest;
    }
    std::shared_ptr<const Model> m_onnx;
};

TEST_F(TinyLlamaGguf, GivesTheLogitsOfTheOnnxModel) {
    for (const std::uint32_t type : {0u, 1u, 30u}) { // float32, float16, bfloat16: all hold these weights
        const auto model = open(file(type));
        ASSERT_TRUE(model);
        EXPECT_EQ(textOf(m_findings), "");
        EXPECT_LT(difference(model, 33), 1e-4) << type;
    }
}

TEST_F(TinyLlamaGguf, OfBlocksComputesWithTheirValues) {
    const auto model = open(file(8)); // q8_0
    ASSERT_TRUE(model);
    ASSERT_EQ(model->layers.size(), m_onnx->layers.size());
    for (const Layer &layer : m_onnx->layers) {
        const Layer *same = model->findLayer(layer.name);
        ASSERT_TRUE(same) << layer.name;
        // Rows are independent, so that their order does not change their values.
        const Tensor original = weightMatrix(layer, m_onnx->graph).value();
        const auto blocks = encodeBlocks(
            BlockType::Q8_0, {original.values<float>().data(), layer.outChannels, layer.inPerOut}, {});
        std::vector<float> expected(static_cast<std::size_t>(original.numel()));
        decodeBlocks(BlockType::Q8_0, *blocks, expected);
        const Tensor matrix = weightMatrix(*same, model->graph).value();
        EXPECT_TRUE(std::equal(expected.begin(), expected.end(), matrix.values<float>().begin()))
            << layer.name;
        const auto stored = storedBlock(*same, model->graph, 1, 40);
        ASSERT_TRUE(stored) << layer.name;
        EXPECT_EQ(stored->block, 1);
        EXPECT_EQ(stored->parts.value(8), expected[static_cast<std::size_t>(layer.inPerOut + 40)])
            << layer.name;
    }
    EXPECT_LT(difference(model, 33), 0.5);
    EXPECT_GT(difference(model, 33), 0) << "the weights are not the same";
}

TEST_F(TinyLlamaGguf, SaysWhyItCannotRun) {
    const auto complaint = [&](const std::function<void(GgufBuilder &)> &change) {
        GgufBuilder builder;
        change(builder);
        builder.tensor("token_embd.weight", {256, 65}, 1, std::string(2 * 256 * 65, '\0'));
        const auto model = open(builder.bytes());
        EXPECT_TRUE(model && isWeightsOnly(model->graph));
        return textOf(m_findings);
    };
    EXPECT_THAT(complaint([](GgufBuilder &) {}), HasSubstr("general.architecture is missing"));
    EXPECT_THAT(complaint([](GgufBuilder &b) { b.addText("general.architecture", "llama"); }),
                HasSubstr("'llama.embedding_length' is missing"));
    EXPECT_THAT(complaint([](GgufBuilder &b) {
                    addConfig(b);
                    b.add("llama.expert_count", 4, GgufBuilder::raw<std::uint32_t>(8));
                }),
                HasSubstr("mixtures of experts"));
    EXPECT_THAT(complaint([](GgufBuilder &b) {
                    addConfig(b);
                    b.addText("llama.rope.scaling.type", "longrope");
                }),
                HasSubstr("rope.scaling.type"));
    EXPECT_THAT(complaint(addConfig), HasSubstr("layers.0")) << "a weight is missing";
}

TEST_F(TinyLlamaGguf, SizesThatNoNetworkHasAreRefused) {
    GgufBuilder builder;
    builder.addText("general.architecture", "llama");
    for (const char *key : {"context_length", "embedding_length", "block_count", "feed_forward_length",
                            "attention.head_count", "attention.layer_norm_rms_epsilon"})
        builder.add(std::string("llama.") + key, 10, GgufBuilder::raw<std::uint64_t>(~0ull >> 1));
    const auto model = open(builder.bytes());
    ASSERT_TRUE(model);
    EXPECT_THAT(textOf(m_findings), HasSubstr("a whole number of at least 1"));
}

} // namespace
} // namespace qs
