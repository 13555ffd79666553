#pragma once

#include "core/tensor/blocks/block_codec.h"
#include "core/tensor/convert.h"
#include "tests/support/gguf_builder.h"
#include "tests/support/sample_run.h"

namespace qs {

inline constexpr std::int64_t kGgufWidth = 32, kGgufInner = 64, kGgufWords = 40;

/// Metadata of a network of one block: 2 heads of 16, one for keys, with a tokenizer of words.
inline void addSmallLlama(GgufBuilder &builder) {
    builder.addText("general.architecture", "llama");
    builder.addText("general.name", "a small one");
    const std::vector<std::pair<std::string, std::int64_t>> counts = {
        {"context_length", 64},       {"embedding_length", kGgufWidth},    {"block_count", 1},
        {"attention.head_count", 2},  {"feed_forward_length", kGgufInner}, {"attention.head_count_kv", 1},
        {"rope.dimension_count", 16}, {"vocab_size", kGgufWords}};
    for (const auto &[key, value] : counts)
        builder.add("llama." + key, 4, GgufBuilder::raw(static_cast<std::uint32_t>(value)));
    builder.add("llama.attention.layer_norm_rms_epsilon", 6, GgufBuilder::raw(1e-5f));
    std::string words;
    for (std::int64_t i = 0; i < kGgufWords; ++i)
        words += GgufBuilder::text("w" + std::to_string(i));
    builder.addText("tokenizer.ggml.model", "llama");
    builder.add("tokenizer.ggml.tokens", 9, GgufBuilder::array(8, kGgufWords, words));
}

/// Adds a tensor of random values. \param type  0 float32, or a block type \return its bytes
inline std::string addRandom(GgufBuilder &builder, const std::string &name, Shape shape, std::uint32_t type) {
    const Tensor values = sampleValues(shape, 7 * name.size() + static_cast<std::uint64_t>(shape[0]), 0.3f);
    std::string bytes(reinterpret_cast<const char *>(values.bytes()), values.sizeBytes());
    if (type != 0) {
        const auto blocks = encodeBlocks(static_cast<BlockType>(type),
                                         {values.values<float>().data(), shape[0], shape[1]}, {})
                                .value();
        bytes.assign(reinterpret_cast<const char *>(blocks.data()), blocks.size());
    }
    std::vector<std::int64_t> dims;
    for (int axis = shape.rank() - 1; axis >= 0; --axis)
        dims.push_back(shape[axis]);
    builder.tensor(name, dims, type, bytes);
    return bytes;
}

/// A GGUF file of such a network. \param type  of its matrices
inline std::string smallLlama(std::uint32_t type) {
    GgufBuilder builder;
    addSmallLlama(builder);
    const std::vector<std::pair<std::string, Shape>> matrices = {
        {"token_embd", {kGgufWords, kGgufWidth}},     {"output", {kGgufWords, kGgufWidth}},
        {"blk.0.attn_q", {kGgufWidth, kGgufWidth}},   {"blk.0.attn_k", {16, kGgufWidth}},
        {"blk.0.attn_v", {16, kGgufWidth}},           {"blk.0.attn_output", {kGgufWidth, kGgufWidth}},
        {"blk.0.ffn_gate", {kGgufInner, kGgufWidth}}, {"blk.0.ffn_up", {kGgufInner, kGgufWidth}},
        {"blk.0.ffn_down", {kGgufWidth, kGgufInner}}};
    for (const auto &[name, shape] : matrices)
        addRandom(builder, name + ".weight", shape, type);
    for (const char *norm : {"output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"})
        addRandom(builder, std::string(norm) + ".weight", Shape{kGgufWidth}, 0);
    return builder.bytes();
}

} // namespace qs
