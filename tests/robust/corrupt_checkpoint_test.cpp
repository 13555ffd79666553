#include "core/io/quantized/checkpoint.h"

// Packed modules whose tensors contradict each other, by the checks of file_formats 14, 15 and 16. Whole
// modules are in tests/core/io/checkpoint_test.cpp.

namespace qs {
namespace {

using testing::HasSubstr;
using Scheme = CheckpointScheme;
using Json = nlohmann::json;

template <typename T>
Tensor filled(Shape shape, T value) {
    const std::vector<T> values(static_cast<std::size_t>(shape.numel()), value);
    return Tensor::fromValues<T>(std::move(shape), values);
}

Tensor ints(Shape shape, std::int32_t value = 0) {
    return filled<std::int32_t>(std::move(shape), value);
}
Tensor floats(Shape shape, float value = 0.5f) {
    return filled<float>(std::move(shape), value);
}
Tensor state(const std::string &json) {
    const std::vector<std::uint8_t> bytes(json.begin(), json.end());
    return Tensor::fromValues<std::uint8_t>(Shape{std::ssize(bytes)}, bytes);
}

template <typename T>
std::string said(const Result<T> &result) {
    return result ? "no error" : result.error().text();
}

/// What reading says after one tensor was replaced (or, when empty, removed).
using Change = std::pair<std::string, Tensor>;
template <typename Read>
std::string after(ModuleTensors tensors, const Change &change, const Read &read) {
    if (change.second.empty())
        tensors.erase(change.first);
    else
        tensors[change.first] = change.second;
    return said(read(tensors));
}

TEST(CorruptGptq, ShapesAndTypesThatContradict) {
    const ModuleTensors whole{
        {"qweight", ints({2, 8})}, {"qzeros", ints({2, 1})}, {"scales", floats({2, 8})}};
    Scheme scheme;
    scheme.groupSize = 8;
    const auto read = [&](const ModuleTensors &tensors) { return readGptqModule(tensors, scheme); };
    ASSERT_EQ(said(read(whole)), "no error");
    const std::vector<std::pair<Change, std::string>> cases{
        {{"qweight", ints({16})}, "2 axes"},
        {{"qweight", ints({0, 8})}, "2 axes"},
        {{"qweight", filled<std::int16_t>({2, 8}, 0)}, "int16; int32"},
        {{"qweight", ints({2, 7})}, "qzeros"},
        {{"qzeros", ints({1, 1})}, "qzeros [1, 1]"},
        {{"scales", floats({2, 7})}, "needs [2, 8]"},
        {{"scales", ints({2, 8})}, "scales int32"},
        {{"scales", Tensor()}, "no tensor 'scales'"},
        {{"scales", floats({2, 8}, std::numeric_limits<float>::quiet_NaN())}, "NaN"},
        {{"g_idx", filled<std::int64_t>({16}, 0)}, "int64; int32"},
        {{"g_idx", ints({16}, std::numeric_limits<std::int32_t>::max())}, "group index"},
        {{"g_idx", ints({17})}, "17 group indices"}};
    for (const auto &[change, words] : cases)
        EXPECT_THAT(after(whole, change, read), HasSubstr(words)) << change.first;
    scheme.bits = 3;
    EXPECT_THAT(said(read(whole)), HasSubstr("3-bit codes"));
}

TEST(CorruptAwq, ShapesAndTypesThatContradict) {
    const ModuleTensors whole{
        {"qweight", ints({16, 1})}, {"qzeros", ints({2, 1})}, {"scales", floats({2, 8})}};
    Scheme scheme;
    scheme.kind = Scheme::Kind::Awq;
    scheme.groupSize = 8;
    const auto read = [&](const ModuleTensors &tensors) { return readAwqModule(tensors, scheme); };
    ASSERT_EQ(said(read(whole)), "no error");
    EXPECT_THAT(after(whole, {"qweight", filled<std::int16_t>({16, 1}, 0)}, read), HasSubstr("int16; int32"));
    EXPECT_THAT(after(whole, {"qzeros", ints({2, 2})}, read), HasSubstr("need [2, 1]"));
    EXPECT_THAT(after(whole, {"scales", floats({8, 2})}, read), HasSubstr("needs [2, 8]"));
    EXPECT_THAT(after(whole, {"qzeros", Tensor()}, read), HasSubstr("no tensor 'qzeros'"));
}

TEST(CorruptCompressed, PackedWeights) {
    const ModuleTensors whole{{"weight_packed", ints({4, 2})},
                              {"weight_scale", floats({4, 2})},
                              {"weight_shape", filled<std::int64_t>({2}, 4)},
                              {"weight_zero_point", ints({1, 2})}};
    Scheme::Group group;
    group.storage = Scheme::Storage::Packed;
    group.symmetric = false;
    const auto read = [&](ModuleTensors tensors) { return readCompressedModule(tensors, group); };
    ModuleTensors fitting = whole;
    fitting["weight_packed"] = ints({4, 1}, -1);
    ASSERT_EQ(said(read(fitting)), "no error");
    const std::vector<std::pair<Change, std::string>> cases{
        {{"weight_packed", ints({4, 2})}, "needs int32 [4, 1]"},
        {{"weight_packed", filled<std::uint8_t>({4, 1}, 0)}, "needs int32"},
        {{"weight_shape", filled<std::int64_t>({2}, 0)}, "no [out, in]"},
        {{"weight_shape", filled<std::int64_t>({2}, -4)}, "no [out, in]"},
        {{"weight_shape", filled<std::int64_t>({2}, std::int64_t{1} << 40)}, "no [out, in]"},
        {{"weight_shape", filled<std::int64_t>({2}, std::int64_t{1} << 31)}, "needs int32"},
        {{"weight_shape", filled<std::int64_t>({3}, 4)}, "no [out, in]"},
        {{"weight_shape", Tensor()}, "'weight_shape'"},
        {{"weight_scale", floats({5, 2})}, "weight_scale [5, 2]"},
        {{"weight_scale", floats({4, 0})}, "weight_scale"},
        {{"weight_scale", floats({4, 2, 1})}, "weight_scale"},
        {{"weight_scale", ints({4, 2})}, "of type int32"},
        {{"weight_zero_point", ints({2, 2})}, "weight_zero_point"},
        {{"weight_zero_point", Tensor()}, "asymmetric"},
        {{"weight_g_idx", ints({5})}, "5 group indices"},
        {{"weight_g_idx", ints({4}, 2)}, "group index 2"},
        {{"weight_g_idx", floats({4})}, "are no codes"}};
    for (const auto &[change, words] : cases)
        EXPECT_THAT(after(fitting, change, read), HasSubstr(words)) << change.first;
}

TEST(CorruptCompressed, PlainAndNvFp4Weights) {
    Scheme::Group group;
    group.bits = 8;
    const auto read = [&](const ModuleTensors &tensors) { return readCompressedModule(tensors, group); };
    const ModuleTensors plain{{"weight", filled<std::int8_t>({4, 8}, 1)}, {"weight_scale", floats({4, 1})}};
    ASSERT_EQ(said(read(plain)), "no error");
    EXPECT_THAT(after(plain, {"weight", floats({4, 8})}, read), HasSubstr("8-bit [out, in]"));
    EXPECT_THAT(after(plain, {"weight", filled<std::int8_t>({32}, 1)}, read), HasSubstr("8-bit [out, in]"));
    EXPECT_THAT(after(plain, {"weight_scale", floats({3, 1})}, read), HasSubstr("no equal blocks"));
    EXPECT_THAT(after(plain, {"weight_zero_point", filled<std::int8_t>({3}, 1)}, read),
                HasSubstr("3 zero points"));

    group.storage = Scheme::Storage::NvFp4;
    const ModuleTensors tiny{{"weight_packed", filled<std::uint8_t>({4, 8}, 1)},
                             {"weight_scale", floats({4, 1})},
                             {"weight_global_scale", floats({1})}};
    ASSERT_EQ(said(read(tiny)), "no error");
    for (const float divisor : {0.0f, std::numeric_limits<float>::quiet_NaN()})
        EXPECT_THAT(after(tiny, {"weight_global_scale", floats({1}, divisor)}, read),
                    HasSubstr("weight_global_scale"));
    EXPECT_THAT(after(tiny, {"weight_global_scale", floats({2})}, read), HasSubstr("weight_global_scale"));
    EXPECT_THAT(after(tiny, {"weight_scale", floats({4, 2})}, read), HasSubstr("not of 16"));
    EXPECT_THAT(after(tiny, {"weight_packed", ints({4, 8})}, read), HasSubstr("needs uint8"));
}

TEST(CorruptCompressed, ActivationsWithoutAWholeGridAreLeftOut) {
    Scheme::Group group;
    group.bits = 8;
    group.staticInput = true;
    ModuleTensors module{{"weight", filled<std::int8_t>({4, 8}, 1)},
                         {"weight_scale", floats({4, 1})},
                         {"input_scale", floats({1})},
                         {"input_zero_point", ints({1}, 5)}};
    EXPECT_TRUE(readCompressedModule(module, group)->activation);
    for (const std::int32_t zero :
         {std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::min(), 200}) {
        module["input_zero_point"] = ints({1}, zero);
        EXPECT_FALSE(readCompressedModule(module, group)->activation) << zero;
    }
    module["input_zero_point"] = ints({2});
    EXPECT_FALSE(readCompressedModule(module, group)->activation);
    module.erase("input_zero_point");
    module["input_scale"] = floats({1}, std::numeric_limits<float>::infinity());
    EXPECT_FALSE(readCompressedModule(module, group)->activation);
}

TEST(CorruptBitsAndBytes, FourBits) {
    const std::string name = "quant_state.bitsandbytes__nf4";
    const ModuleTensors whole{{"weight", filled<std::uint8_t>({64, 1}, 0x12)},
                              {"absmax", floats({2})},
                              {"quant_map", floats({16})},
                              {name, state(R"({"blocksize":64,"shape":[2,64]})")}};
    ASSERT_EQ(said(readBitsAndBytesModule(whole)), "no error");
    const std::vector<std::pair<Change, std::string>> cases{
        {{"weight", filled<std::uint8_t>({63, 1}, 0)}, "63 bytes"},
        {{"weight", floats({64, 1})}, "needs uint8"},
        {{"quant_map", floats({15})}, "15 levels"},
        {{"quant_map", floats({16}, std::numeric_limits<float>::infinity())}, "infinite"},
        {{"absmax", floats({3})}, "3 scales"},
        {{"absmax", Tensor()}, "'absmax'"},
        {{name, Tensor()}, "quant_state"},
        {{name, ints({4})}, "quant_state"},
        {{name, state("{")}, "not JSON"},
        {{name, state("[]")}, "without a shape"},
        {{name, state(R"({"shape":[128]})")}, "without a shape"},
        {{name, state(R"({"shape":[-2,64]})")}, "no count"},
        {{name, state(R"({"shape":[2.0,64]})")}, "no count"},
        {{name, state(R"({"shape":[2147483648,2147483648]})")}, "64 bytes"},
        {{name, state(R"({"shape":[9223372036854775807,2]})")}, "no count"},
        {{name, state(R"({"shape":[2,64],"blocksize":0})")}, "'blocksize'"},
        {{name, state(R"({"shape":[2,64],"blocksize":48})")}, "begin within rows"},
        {{"nested_absmax", floats({1})}, "absmax"}};
    for (const auto &[change, words] : cases)
        EXPECT_THAT(after(whole, change, readBitsAndBytesModule), HasSubstr(words)) << change.first;

    ModuleTensors nested = whole;
    nested["absmax"] = filled<std::uint8_t>({2}, 255);
    nested["nested_absmax"] = floats({1});
    nested["nested_quant_map"] = floats({256});
    ASSERT_EQ(said(readBitsAndBytesModule(nested)), "no error");
    EXPECT_THAT(after(nested, {"nested_quant_map", floats({255})}, readBitsAndBytesModule),
                HasSubstr("255 levels"));
    EXPECT_THAT(after(nested, {"nested_absmax", floats({2})}, readBitsAndBytesModule),
                HasSubstr("2 nested scales"));
}

TEST(CorruptBitsAndBytes, EightBits) {
    const ModuleTensors whole{{"weight", filled<std::int8_t>({4, 8}, 1)}, {"SCB", floats({4})}};
    ASSERT_EQ(said(readBitsAndBytesModule(whole)), "no error");
    EXPECT_THAT(after(whole, {"SCB", floats({3})}, readBitsAndBytesModule), HasSubstr("3 scales"));
    EXPECT_THAT(
        after(whole, {"SCB", floats({4}, std::numeric_limits<float>::quiet_NaN())}, readBitsAndBytesModule),
        HasSubstr("NaN"));
    EXPECT_THAT(after(whole, {"weight", filled<std::int8_t>({32}, 1)}, readBitsAndBytesModule),
                HasSubstr("weight [32]"));
    EXPECT_THAT(after(whole, {"weight", filled<std::uint8_t>({4, 8}, 1)}, readBitsAndBytesModule),
                HasSubstr("needs int8"));
}

TEST(CorruptScheme, DescriptionsThatAreNotUnderstoodAreRefused) {
    const auto read = [](const char *json) {
        return said(readCheckpointScheme({{"quantization_config", Json::parse(json)}}, "/nowhere"));
    };
    const std::pair<const char *, const char *> cases[] = {
        {R"("gptq")", "JSON object"},
        {"{}", "quant_method ''"},
        {R"({"quant_method":7})", "quant_method ''"},
        {R"({"quant_method":"awq","version":"gemv"})", "'gemv'"},
        {R"({"quant_method":"awq","bits":3})", "3 bits"},
        {R"({"quant_method":"awq","group_size":0})", "group size"},
        {R"({"quant_method":"gptq","bits":4.0})", "whole number"},
        {R"({"quant_method":"gptq","bits":18446744073709551615})", "whole number"},
        {R"({"quant_method":"gptq","group_size":-2})", "whole number"},
        {R"({"quant_method":"compressed-tensors"})", "config_groups"},
        {R"({"quant_method":"compressed-tensors","config_groups":{"a":[]}})", "no 'weights'"},
        {R"({"quant_method":"compressed-tensors","config_groups":{"a":{"weights":[]}}})", "no 'weights'"},
        {R"({"quant_method":"compressed-tensors","format":"marlin-24","config_groups":{"a":{"weights":{}}}})",
         "'marlin-24'"},
        {R"({"quant_method":"compressed-tensors","format":"pack-quantized",
             "config_groups":{"a":{"weights":{"num_bits":9}}}})",
         "9 integer bits"},
        {R"({"quant_method":"compressed-tensors","sparsity_config":{"format":"sparse-bitmask"},
             "config_groups":{"a":{"weights":{}}}})",
         "sparse"}};
    for (const auto &[json, words] : cases)
        EXPECT_THAT(read(json), HasSubstr(words)) << json;
}

} // namespace
} // namespace qs
