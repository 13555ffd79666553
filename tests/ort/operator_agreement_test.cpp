#include "core/exec/executor.h"
#include "core/io/importer.h"

#include "tests/ort/onnx_runtime.h"
#include "tests/support/onnx_text_model.h"
#include "tests/support/sample_run.h"
#include "tests/support/temp_dir.h"

#include <onnx/onnx_pb.h>

namespace qs {
namespace {

using Inputs = std::vector<std::pair<std::string, Tensor>>;

/// A model in ONNX's text form whose float output y both runtimes compute.
struct OperatorCase {
    const char *name;
    int opset;
    std::string graph;
    Inputs inputs;
    std::map<std::string, Tensor> constants = {};
};

template <typename T>
Tensor tensorOf(Shape shape, const std::vector<T> &values) {
    return Tensor::fromValues<T>(std::move(shape), values);
}

Tensor values(Shape shape, std::uint64_t seed) {
    return sampleValues(std::move(shape), seed);
}

/// Bytes 0 … 255 in an order that looks random; smaller types are packed.
Tensor codes(Shape shape, DType type = DType::UInt8) {
    Tensor tensor = Tensor::allocate(type, shape);
    std::uint32_t state = 7;
    for (std::byte *byte = tensor.mutableBytes(); byte != tensor.mutableBytes() + tensor.sizeBytes(); ++byte)
        *byte = static_cast<std::byte>((state = state * 1664525 + 1013904223) >> 24);
    return tensor;
}

/// With the constants that make a list of rows a batch of two.
std::map<std::string, Tensor> withShape(std::map<std::string, Tensor> constants) {
    constants.insert_or_assign("zero", tensorOf<std::int64_t>({1}, {0}));
    constants.insert_or_assign("sh", tensorOf<std::int64_t>({3}, {2, 4, 6}));
    return constants;
}

// clang-format off
std::vector<OperatorCase> activations() {
    const Tensor x = values({2, 3, 8}, 1), bias = values({8}, 2);
    return {
        {"Gelu", 17, "g (float[2,3,8] x) => (float[2,3,8] y) { y = com.microsoft.Gelu(x) }", {{"x", x}}},
        {"BiasGelu", 17, "g (float[2,3,8] x, float[8] b) => (float[2,3,8] y) { y = com.microsoft.BiasGelu(x, b) }", {{"x", x}, {"b", bias}}},
        {"FastGelu", 17, "g (float[2,3,8] x) => (float[2,3,8] y) { y = com.microsoft.FastGelu(x) }", {{"x", x}}},
        {"FastGeluBias", 17, "g (float[2,3,8] x, float[8] b) => (float[2,3,8] y) { y = com.microsoft.FastGelu(x, b) }", {{"x", x}, {"b", bias}}},
        {"QuickGelu", 17, "g (float[2,3,8] x) => (float[2,3,8] y) { y = com.microsoft.QuickGelu <alpha = 1.5> (x) }", {{"x", x}}},
        {"Mish", 18, "g (float[2,3,8] x) => (float[2,3,8] y) { y = Mish(x) }", {{"x", x}}},
        {"Gelu20", 20, "g (float[2,3,8] x) => (float[2,3,8] y) { y = Gelu <approximate = \"tanh\"> (x) }", {{"x", x}}},
    };
}

std::vector<OperatorCase> normalizations() {
    const Tensor x = values({2, 4, 6}, 1), skip = values({2, 4, 6}, 2), scale = values({6}, 3), shift = values({6}, 4), bias = values({6}, 5);
    const Tensor ids = tensorOf<std::int32_t>({2, 3}, {0, 4, 2, 1, 1, 3}), segments = tensorOf<std::int32_t>({2, 3}, {0, 1, 1, 0, 0, 1});
    const std::map<std::string, Tensor> tables{{"words", values({5, 6}, 6)}, {"places", values({4, 6}, 7)}, {"kinds", values({2, 6}, 8)}, {"s", scale}, {"b", shift}};
    return {
        {"SkipLayer", 17, "g (float[2,4,6] x, float[2,4,6] r, float[6] s, float[6] b, float[6] c) => (float[2,4,6] y, float[2,4,6] z) { y, , , z = com.microsoft.SkipLayerNormalization <epsilon = 0.001> (x, r, s, b, c) }", {{"x", x}, {"r", skip}, {"s", scale}, {"b", shift}, {"c", bias}}},
        {"SkipLayerRepeated", 17, "g (float[2,4,6] x, float[4,6] r, float[6] s) => (float[2,4,6] y) { y = com.microsoft.SkipLayerNormalization(x, r, s) }", {{"x", x}, {"r", values({4, 6}, 9)}, {"s", scale}}},
        {"SkipSimplified", 17, "g (float[2,4,6] x, float[2,4,6] r, float[6] s, float[6] c) => (float[2,4,6] y, float[2,4,6] z) { y, , , z = com.microsoft.SkipSimplifiedLayerNormalization <epsilon = 0.01> (x, r, s, c) }", {{"x", x}, {"r", skip}, {"s", scale}, {"c", bias}}},
        {"Simplified", 17, "g (float[2,4,6] x, float[6] s) => (float[2,4,6] y) { y = SimplifiedLayerNormalization <axis = -1, epsilon = 0.01> (x, s) }", {{"x", x}, {"s", scale}}},
        {"RmsNorm23", 23, "g (float[2,4,6] x, float[4,6] s) => (float[2,4,6] y) { y = RMSNormalization <axis = 1, epsilon = 0.01> (x, s) }", {{"x", x}, {"s", values({4, 6}, 3)}}},
        {"GroupNorm21", 21, "g (float[2,4,6] x, float[4] s, float[4] b) => (float[2,4,6] y) { y = GroupNormalization <num_groups = 2> (x, s, b) }", {{"x", x}, {"s", values({4}, 3)}, {"b", values({4}, 4)}}},
        {"LpNorm", 17, "g (float[2,4,6] x) => (float[2,4,6] y) { y = LpNormalization <axis = 1, p = 1> (x) }", {{"x", x}}},
        {"EmbedLayer", 17, "g (int32[2,3] i, int32[2,3] k) => (float[2,3,6] y) { y, m = com.microsoft.EmbedLayerNormalization <epsilon = 0.001> (i, k, words, places, kinds, s, b) }", {{"i", ids}, {"k", segments}}, tables},
    };
}

std::vector<OperatorCase> products() {
    const Tensor x = values({2, 3, 40}, 1), scales = values({5 * 2}, 2);
    return {
        {"FusedMatMul", 17, "g (float[2,3,4] a, float[2,5,3] b) => (float[2,4,5] y) { y = com.microsoft.FusedMatMul <alpha = 0.5, transA = 1, transB = 1> (a, b) }", {{"a", values({2, 3, 4}, 1)}, {"b", values({2, 5, 3}, 2)}}},
        {"FusedMatMulPlain", 17, "g (float[2,3,4] a, float[4,5] b) => (float[2,3,5] y) { y = com.microsoft.FusedMatMul <alpha = 2.0> (a, b) }", {{"a", values({2, 3, 4}, 1)}, {"b", values({4, 5}, 2)}}},
        {"FourBits", 17, "g (float[2,3,40] x) => (float[2,3,5] y) { y = com.microsoft.MatMulNBits <K = 40, N = 5, bits = 4, block_size = 32> (x, q, s) }", {{"x", x}}, {{"q", codes({5, 2, 16})}, {"s", scales}}},
        {"FourBitsZeroPoints", 17, "g (float[2,3,40] x) => (float[2,3,5] y) { y = com.microsoft.MatMulNBits <K = 40, N = 5, bits = 4, block_size = 32> (x, q, s, z) }", {{"x", x}}, {{"q", codes({5, 2, 16})}, {"s", scales}, {"z", codes({5})}}},
        {"FourBitsFloatZeroPoints", 17, "g (float[2,3,40] x) => (float[2,3,5] y) { y = com.microsoft.MatMulNBits <K = 40, N = 5, bits = 4, block_size = 32> (x, q, s, z, , c) }", {{"x", x}}, {{"q", codes({5, 2, 16})}, {"s", scales}, {"z", values({10}, 3)}, {"c", values({5}, 4)}}},
        {"EightBits", 17, "g (float[2,3,40] x) => (float[2,3,5] y) { y = com.microsoft.MatMulNBits <K = 40, N = 5, bits = 8, block_size = 32> (x, q, s) }", {{"x", x}}, {{"q", codes({5, 2, 32})}, {"s", scales}}},
    };
}

std::vector<OperatorCase> rotations() {
    const Tensor x = values({2, 3, 16}, 1), heads = values({2, 2, 3, 8}, 1), cosine = values({10, 4}, 2), sine = values({10, 4}, 3);
    const std::map<std::string, Tensor> angles{{"c", cosine}, {"s", sine}, {"p", tensorOf<std::int64_t>({2, 3}, {0, 5, 9, 2, 1, 7})}, {"first", tensorOf<std::int64_t>({1}, {4})}};
    return {
        {"RotaryPositions", 17, "g (float[2,3,16] x) => (float[2,3,16] y) { y = com.microsoft.RotaryEmbedding(x, p, c, s) }", {{"x", x}}, angles},
        {"RotaryOffset", 17, "g (float[2,3,16] x) => (float[2,3,16] y) { y = com.microsoft.RotaryEmbedding <interleaved = 1> (x, first, c, s) }", {{"x", x}}, angles},
        {"RotaryHeads", 17, "g (float[2,2,3,8] x) => (float[2,2,3,8] y) { y = com.microsoft.RotaryEmbedding(x, p, c, s) }", {{"x", heads}}, angles},
        {"Rotary23", 23, "g (float[2,3,16] x) => (float[2,3,16] y) { y = RotaryEmbedding <num_heads = 2> (x, c, s, p) }", {{"x", x}}, angles},
        {"Rotary23Part", 23, "g (float[2,2,3,8] x) => (float[2,2,3,8] y) { y = RotaryEmbedding <rotary_embedding_dim = 4, interleaved = 1> (x, c, s, p) }", {{"x", heads}}, {{"c", values({10, 2}, 2)}, {"s", values({10, 2}, 3)}, {"p", angles.at("p")}}},
        {"Rotary23NoPositions", 23, "g (float[2,2,3,8] x) => (float[2,2,3,8] y) { y = RotaryEmbedding(x, c, s) }", {{"x", heads}}, {{"c", values({2, 3, 4}, 2)}, {"s", values({2, 3, 4}, 3)}}},
    };
}

std::vector<OperatorCase> attentions() {
    const Tensor q = values({2, 3, 8}, 1), k = values({2, 5, 8}, 2), v = values({2, 5, 12}, 3), k3 = values({2, 3, 8}, 4), v3 = values({2, 3, 8}, 5);
    const Inputs cross{{"q", q}, {"k", k}, {"v", v}}, self{{"q", q}, {"k", k3}, {"v", v3}};
    const Tensor keys = tensorOf<std::int32_t>({2, 5}, {1, 1, 1, 0, 0, 1, 1, 1, 1, 0}), lengths = tensorOf<std::int32_t>({2}, {3, 4}), last = tensorOf<std::int32_t>({2}, {2, 2}), total = tensorOf<std::int32_t>({1}, {3});
    const std::map<std::string, Tensor> angles{{"c", values({4, 8}, 6)}, {"s", values({4, 8}, 7)}, {"last", last}, {"total", total}};
    const std::map<std::string, Tensor> projection{{"w", values({6, 24}, 6)}, {"b", values({24}, 7)}, {"m", tensorOf<std::int32_t>({2, 3}, {1, 1, 0, 1, 1, 1})}};
    const Inputs rows{{"x", values({2, 3, 6}, 8)}}, grouped{{"q", values({2, 3, 64}, 1)}, {"k", values({2, 3, 32}, 2)}, {"v", values({2, 3, 32}, 3)}};
    return {
        {"MultiHead", 17, "g (float[2,3,8] q, float[2,5,8] k, float[2,5,12] v) => (float[2,3,12] y) { y = com.microsoft.MultiHeadAttention <num_heads = 2> (q, k, v) }", cross},
        {"MultiHeadBias", 17, "g (float[2,3,8] q, float[2,5,8] k, float[2,5,12] v) => (float[2,3,12] y) { y = com.microsoft.MultiHeadAttention <num_heads = 4, scale = 0.7> (q, k, v, b) }", cross, {{"b", values({28}, 4)}}},
        {"MultiHeadKeys", 17, "g (float[2,3,8] q, float[2,5,8] k, float[2,5,12] v) => (float[2,3,12] y) { y = com.microsoft.MultiHeadAttention <num_heads = 2> (q, k, v, , m) }", cross, {{"m", keys}}},
        {"MultiHeadLengths", 17, "g (float[2,3,8] q, float[2,5,8] k, float[2,5,12] v) => (float[2,3,12] y) { y = com.microsoft.MultiHeadAttention <num_heads = 2> (q, k, v, , m) }", cross, {{"m", lengths}}},
        {"MultiHeadScores", 17, "g (float[2,3,8] q, float[2,5,8] k, float[2,5,12] v) => (float[2,3,12] y) { y = com.microsoft.MultiHeadAttention <num_heads = 2> (q, k, v, , m, a) }", cross, {{"m", keys}, {"a", values({1, 2, 3, 5}, 9)}}},
        {"MultiHeadCausal", 17, "g (float[2,3,8] q, float[2,3,8] k, float[2,3,8] v) => (float[2,3,8] y) { y = com.microsoft.MultiHeadAttention <num_heads = 2, unidirectional = 1> (q, k, v) }", self},
        {"Attention", 17, "g (float[2,3,6] x) => (float[2,3,8] y) { y = com.microsoft.Attention <num_heads = 2> (x, w, b, m) }", rows, projection},
        {"AttentionCausal", 17, "g (float[2,3,6] x) => (float[2,3,8] y) { y = com.microsoft.Attention <num_heads = 4, unidirectional = 1> (x, w, b) }", rows, projection},
        {"AttentionWidths", 17, "g (float[2,3,6] x) => (float[2,3,12] y) { y = com.microsoft.Attention <num_heads = 2, qkv_hidden_sizes = [6, 6, 12]> (x, w, b) }", rows, projection},
        {"Grouped", 17, "g (float[2,3,64] q, float[2,3,32] k, float[2,3,32] v) => (float[2,3,64] y) { y = com.microsoft.GroupQueryAttention <num_heads = 4, kv_num_heads = 2> (q, k, v, , , last, total) }", grouped, angles},
        {"GroupedRotary", 17, "g (float[2,3,64] q, float[2,3,32] k, float[2,3,32] v) => (float[2,3,64] y) { y = com.microsoft.GroupQueryAttention <num_heads = 4, kv_num_heads = 2, do_rotary = 1> (q, k, v, , , last, total, c, s) }", grouped, angles},
        {"GroupedPacked", 17, "g (float[2,3,128] q) => (float[2,3,64] y) { y = com.microsoft.GroupQueryAttention <num_heads = 4, kv_num_heads = 2, do_rotary = 1, rotary_interleaved = 1> (q, , , , , last, total, c, s) }", {{"q", values({2, 3, 128}, 1)}}, angles},
        {"Attention23", 23, "g (float[2,3,8] q, float[2,5,8] k, float[2,5,12] v) => (float[2,3,12] y) { y = Attention <q_num_heads = 2, kv_num_heads = 2> (q, k, v, a) }", cross, {{"a", values({3, 5}, 9)}}},
        {"Attention23Grouped", 23, "g (float[2,3,64] q, float[2,3,32] k, float[2,3,32] v) => (float[2,3,64] y) { y = Attention <q_num_heads = 4, kv_num_heads = 2, is_causal = 1, scale = 0.3> (q, k, v) }", grouped},
        {"Attention23Past", 23, "g (float[1,2,1,4] q, float[1,2,1,4] k, float[1,2,1,4] v, float[1,2,3,4] a, float[1,2,3,4] b) => (float[1,2,1,4] y, float[1,2,4,4] pk, float[1,2,4,4] pv) { y, pk, pv = Attention(q, k, v, , a, b) }", {{"q", values({1, 2, 1, 4}, 1)}, {"k", values({1, 2, 1, 4}, 2)}, {"v", values({1, 2, 1, 4}, 3)}, {"a", values({1, 2, 3, 4}, 4)}, {"b", values({1, 2, 3, 4}, 5)}}},
    };
}

/// What ONNX Runtime's quantizer writes in its operator format, and its optimizer behind that.
std::vector<OperatorCase> codeOperators() {
    const Inputs one{{"x", values({2, 4, 6}, 1)}}, two{{"x", values({2, 4, 6}, 1)}, {"r", values({4, 6}, 2)}};
    const Inputs image{{"x", values({2, 3, 6, 6}, 3)}}, rows{{"x", values({5, 8}, 4)}};
    std::map<std::string, Tensor> c{{"s", tensorOf<float>({}, {0.031f})}, {"z", tensorOf<std::uint8_t>({}, {117})}, {"t", tensorOf<float>({}, {0.023f})}, {"zt", tensorOf<std::uint8_t>({}, {131})}, {"u", tensorOf<float>({}, {0.047f})}, {"zu", tensorOf<std::uint8_t>({}, {90})}};
    c.insert({{"si", tensorOf<float>({}, {0.029f})}, {"zi", tensorOf<std::int8_t>({}, {-7})}, {"sp", tensorOf<float>({}, {1.0f / 256})}, {"zp", tensorOf<std::uint8_t>({}, {0})}});
    c.insert({{"w", codes({8, 3}, DType::Int8)}, {"wt", codes({3, 8}, DType::Int8)}, {"ws", tensorOf<float>({3}, {0.01f, 0.02f, 0.005f})}, {"wz", tensorOf<std::int8_t>({3}, {0, 0, 0})}, {"w1", tensorOf<float>({}, {0.01f})}, {"wz1", tensorOf<std::int8_t>({}, {0})}});
    c.insert({{"bias", tensorOf<std::int32_t>({3}, {500, -800, 1200})}, {"fb", values({3}, 6)}, {"sy", tensorOf<float>({}, {0.11f})}, {"zy", tensorOf<std::uint8_t>({}, {128})}});
    c.insert({{"qw", codes({6, 24}, DType::Int8)}, {"qb", values({24}, 7)}, {"mask", tensorOf<std::int32_t>({2, 4}, {1, 1, 1, 0, 1, 1, 1, 1})}, {"k", values({2, 3, 3, 3}, 8)}, {"kb", values({2}, 9)}, {"fw", values({8, 3}, 10)}});
    Tensor condition = Tensor::zeros(DType::Bool, {4, 6});
    std::memset(condition.mutableBytes() + 5, 1, 9);
    c.insert({"m", condition});
    const std::string head = "g (float[2,4,6] x) => (float y) { a = QuantizeLinear(x, s, z) ", pair = "g (float[2,4,6] x, float[4,6] r) => (float y) { a = QuantizeLinear(x, s, z) b = QuantizeLinear(r, t, zt) ";
    const std::string picture = "g (float[2,3,6,6] x) => (float y) { a = QuantizeLinear(x, s, z) ", matrix = "g (float[5,8] x) => (float y) { a = QuantizeLinear(x, s, z) ", end = " y = DequantizeLinear(q, u, zu) }";
    return {
        {"QLinearAdd", 17, pair + "q = com.microsoft.QLinearAdd(a, s, z, b, t, zt, u, zu)" + end, two, c},
        {"QLinearMul", 17, pair + "q = com.microsoft.QLinearMul(a, s, z, b, t, zt, u, zu)" + end, two, c},
        {"QLinearAddSigned", 17, "g (float[2,4,6] x) => (float y) { a = QuantizeLinear(x, si, zi) q = com.microsoft.QLinearAdd(a, si, zi, a, si, zi, u, zi) y = DequantizeLinear(q, u, zi) }", one, c},
        {"QLinearSigmoid", 17, head + "q = com.microsoft.QLinearSigmoid(a, s, z, sp, zp) y = DequantizeLinear(q, sp, zp) }", one, c},
        {"QLinearLeakyRelu", 17, head + "q = com.microsoft.QLinearLeakyRelu <alpha = 0.2> (a, s, z, u, zu)" + end, one, c},
        {"QLinearSoftmax", 17, head + "q = com.microsoft.QLinearSoftmax <axis = -1, opset = 17> (a, s, z, sp, zp) y = DequantizeLinear(q, sp, zp) }", one, c},
        {"QLinearConcat", 17, pair + "n = Unsqueeze(b, zero) e = Expand(n, sh) q = com.microsoft.QLinearConcat <axis = 1> (u, zu, a, s, z, e, t, zt)" + end, two, withShape(c)},
        {"QLinearWhere", 17, pair + "q = com.microsoft.QLinearWhere(m, a, s, z, b, t, zt, u, zu)" + end, two, c},
        {"QLinearAveragePool", 17, picture + "q = com.microsoft.QLinearAveragePool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1], count_include_pad = 1> (a, s, z, u, zu)" + end, image, c},
        {"QLinearGlobalAveragePool", 17, picture + "q = com.microsoft.QLinearGlobalAveragePool(a, s, z, u, zu)" + end, image, c},
        {"QGemm", 17, matrix + "q = com.microsoft.QGemm <transB = 1> (a, s, z, wt, ws, wz, , sy, zy) y = DequantizeLinear(q, sy, zy) }", rows, c},
        {"QGemmBias", 17, matrix + "q = com.microsoft.QGemm(a, s, z, w, w1, wz1, bias, sy, zy) y = DequantizeLinear(q, sy, zy) }", rows, c},
        {"QGemmFloat", 17, matrix + "y = com.microsoft.QGemm <alpha = 0.5> (a, s, z, w, ws, wz, bias) }", rows, c},
        {"MatMulIntegerToFloat", 17, matrix + "y = com.microsoft.MatMulIntegerToFloat(a, w, s, ws, z, wz, fb) }", rows, c},
        {"DynamicQuantizeMatMul", 17, "g (float[5,8] x) => (float y) { y = com.microsoft.DynamicQuantizeMatMul(x, w, ws, wz, fb) }", rows, c},
        {"QAttention", 17, head + "y = com.microsoft.QAttention <num_heads = 2> (a, qw, qb, s, w1, mask, z, wz1) }", one, c},
        {"FusedConv", 17, "g (float[2,3,6,6] x) => (float y) { y = com.microsoft.FusedConv <kernel_shape = [3, 3], activation = \"LeakyRelu\", activation_params = [0.3]> (x, k, kb) }", image, c},
        {"FusedConvClip", 17, "g (float[2,3,6,6] x) => (float y) { o = Conv(x, k) y = com.microsoft.FusedConv <kernel_shape = [3, 3], activation = \"Clip\", activation_params = [-0.5, 1.5]> (x, k, kb, o) }", image, c},
        {"FusedGemm", 17, "g (float[5,8] x) => (float y) { y = com.microsoft.FusedGemm <activation = \"LeakyRelu\", activation_alpha = 0.2, alpha = 0.5> (x, fw, fb) }", rows, c},
    };
}

std::vector<OperatorCase> rearrangements() {
    const Tensor x = values({2, 3, 5}, 1);
    return {
        {"PadWrap", 19, "g (float[2,3,5] x) => (float[4,3,11] y) { p = Constant <value = int64[4] {1, 2, 1, 4}> () a = Constant <value = int64[2] {0, 2}> () y = Pad <mode = \"wrap\"> (x, p, , a) }", {{"x", x}}},
        {"PadReflect", 18, "g (float[2,3,5] x) => (float[2,7,5] y) { p = Constant <value = int64[2] {2, 2}> () a = Constant <value = int64[1] {-2}> () y = Pad <mode = \"reflect\"> (x, p, , a) }", {{"x", x}}},
        {"ScatterMax", 18, "g (float[2,3,5] x, float[2,1,5] u) => (float[2,3,5] y) { i = Constant <value = int64[2,1,5] {0,1,2,0,1,2,-1,0,1,2}> () y = ScatterElements <axis = 1, reduction = \"max\"> (x, i, u) }", {{"x", x}, {"u", values({2, 1, 5}, 2)}}},
        {"ScatterNdMin", 18, "g (float[2,3,5] x, float[2,5] u) => (float[2,3,5] y) { i = Constant <value = int64[2,2] {0, 1, 0, 1}> () y = ScatterND <reduction = \"min\"> (x, i, u) }", {{"x", x}, {"u", values({2, 5}, 2)}}},
        {"NonZeroGather", 17, "g (float[2,3,5] x) => (float[n] y) { n = NonZero(x) t = Transpose(n) y = GatherND(x, t) }", {{"x", x}}},
        {"UniqueSlices", 17, "g (float[4,2] x) => (float[a,2] y) { y, i, j, c = Unique <axis = 0> (x) }", {{"x", tensorOf<float>({4, 2}, {2, 1, -1, 3, 2, 1, 0, 9})}}},
        {"TopK", 17, "g (float[2,3,5] x) => (float[2,3,2] y) { k = Constant <value = int64[1] {2}> () y, i = TopK <largest = 0> (x, k) }", {{"x", x}}},
        {"LoopWithBranch", 17, R"(g (float[2] x) => (float[2] y, float[3,2] z) {
            m = Constant <value = int64 {3}> () t = Constant <value = bool {1}> () two = Constant <value = int64 {1}> ()
            y, z = Loop (m, t, x) <body = b (int64 i, bool c, float[2] v) => (bool d, float[2] w, float[2] o) {
                d = Identity(c) e = Equal(i, two) o = Identity(v)
                w = If (e) <then_branch = p () => (float[2] q) { q = Mul(v, v) }, else_branch = r () => (float[2] s) { s = Add(v, x) }>
            }> })", {{"x", tensorOf<float>({2}, {1.5f, -2})}}},
    };
}

/// What opset 25 adds: two-bit integers, four to a byte.
std::vector<OperatorCase> twoBits() {
    const Inputs rows{{"x", values({3, 8}, 1)}};
    std::map<std::string, Tensor> constants{{"s", values({8}, 2)}, {"sb", values({2, 8}, 3)}, {"one", tensorOf<float>({}, {0.4f})}};
    std::vector<OperatorCase> cases;
    for (const DType type : {DType::Int2, DType::UInt2}) {
        constants.insert_or_assign("w", codes({8, 8}, type));
        constants.insert_or_assign("z", codes({8}, type));
        constants.insert_or_assign("zb", codes({2, 8}, type));
        constants.insert_or_assign("z1", Tensor::zeros(type, {}));
        cases.push_back({"Channels", 25, "g (float[3,8] x) => (float[3,8] y) { f = DequantizeLinear <axis = 1> (w, s, z) y = MatMul(x, f) }", rows, constants});
        cases.push_back({"Blocks", 25, "g (float[3,8] x) => (float[3,8] y) { f = DequantizeLinear <axis = 0, block_size = 4> (w, sb, zb) y = MatMul(x, f) }", rows, constants});
        cases.push_back({"Activations", 25, "g (float[3,8] x) => (float[3,8] y) { q = QuantizeLinear(x, one, z1) y = DequantizeLinear(q, one, z1) }", rows, constants});
        cases.push_back({"Moved", 25, "g (float[3,8] x) => (float[3,8] y) { t = Transpose(w) f = DequantizeLinear <axis = 0> (t, s, z) y = MatMul(x, f) }", rows, constants});
        cases.push_back({"Cast", 25, "g (float[3,8] x) => (float[3,8] y) { f = Cast <to = 1> (w) y = MatMul(x, f) }", rows, constants});
    }
    return cases;
}
// clang-format on

onnx::ModelProto messageOf(const OperatorCase &test) {
    return parseOnnxText(std::string("<ir_version: 8, opset_import: [\"\" : ") + std::to_string(test.opset) +
                             ", \"com.microsoft\" : 1]> " + test.graph,
                         test.constants);
}

/// Our own outputs on one backend.
std::vector<Tensor> compute(const std::filesystem::path &file, const OperatorCase &test, bool useOneDnn) {
    FindingList findings;
    const auto model = openModel(file, findings, {});
    EXPECT_TRUE(model) << test.name << ": " << model.error().text();
    if (!model)
        return {};
    const auto executor = Executor::create(*model, {useOneDnn});
    EXPECT_TRUE(executor) << test.name << ": " << executor.error().text();
    std::vector<Tensor> inputs;
    for (const auto &[name, tensor] : test.inputs)
        inputs.push_back(tensor);
    if (!executor)
        return {};
    auto outputs = (*executor)->run(std::move(inputs), {}, {});
    EXPECT_TRUE(outputs) << test.name << ": " << outputs.error().text();
    return outputs ? *outputs : std::vector<Tensor>{};
}

void expectEqual(const Tensor &found, const Tensor &expected, const std::string &place) {
    ASSERT_EQ(found.shape(), expected.shape()) << place;
    for (std::size_t i = 0; i < static_cast<std::size_t>(expected.numel()); ++i) {
        const float reference = expected.values<float>()[i];
        ASSERT_NEAR(found.values<float>()[i], reference, 2e-5 * (1 + std::fabs(reference)))
            << place << ", element " << i;
    }
}

/// Both runtimes, ours on either backend, give the same outputs.
void compareRuntimes(const std::vector<OperatorCase> &cases) {
    const TempDir folder;
    std::vector<OrtJob> jobs;
    for (const OperatorCase &test : cases)
        jobs.push_back({folder.write(std::string(test.name) + ".onnx", messageOf(test).SerializeAsString()),
                        test.inputs});
    const auto expected = runInOnnxRuntime(jobs);
    ASSERT_TRUE(expected) << expected.error().text();
    for (std::size_t i = 0; i < cases.size(); ++i)
        for (const bool useOneDnn : {false, true}) {
            const auto found = compute(jobs[i].model, cases[i], useOneDnn);
            ASSERT_EQ(found.size(), (*expected)[i].size()) << cases[i].name;
            for (std::size_t k = 0; k < found.size(); ++k)
                expectEqual(found[k], (*expected)[i][k],
                            std::string(cases[i].name) + " output " + std::to_string(k));
        }
}

TEST(OperatorAgreement, Activations) {
    compareRuntimes(activations());
}
TEST(OperatorAgreement, Normalizations) {
    compareRuntimes(normalizations());
}
TEST(OperatorAgreement, Products) {
    compareRuntimes(products());
}
TEST(OperatorAgreement, Rotations) {
    compareRuntimes(rotations());
}
TEST(OperatorAgreement, Attentions) {
    compareRuntimes(attentions());
}
TEST(OperatorAgreement, TwoBitIntegers) {
    compareRuntimes(twoBits());
}
TEST(OperatorAgreement, OperatorsBetweenCodes) {
    compareRuntimes(codeOperators());
}
TEST(OperatorAgreement, RearrangementsAndLoops) {
    compareRuntimes(rearrangements());
}

} // namespace
} // namespace qs
