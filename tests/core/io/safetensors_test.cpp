#include "core/base/content_hash.h"
#include "core/exec/executor.h"
#include "core/graph/weights_only.h"
#include "core/io/importer.h"
#include "core/io/importers/safetensors_files.h"
#include "core/io/importers/safetensors_header.h"
#include "core/tensor/convert.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temp_dir.h"

namespace qs {
namespace {

using testing::HasSubstr;

std::span<const std::byte> bytesOf(const std::string &text) {
    return std::as_bytes(std::span(text));
}

/// The reason why a header is refused; empty when it is not.
std::string refusal(const std::string &header, const std::string &data = {}) {
    const auto read = readSafetensorsHeader(bytesOf(SafetensorsBuilder::file(header, data)));
    if (read)
        return {};
    EXPECT_EQ(read.error().code, ErrorCode::CorruptFile);
    return read.error().text();
}

std::string entry(const std::string &dtype, const std::string &shape, const std::string &offsets) {
    return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

TEST(SafetensorsHeader, ReadsTensorsInFileOrderWithMetadata) {
    const std::string header = R"({"__metadata__":{"format":"pt"},"b":)" + entry("U8", "[2]", "[4,6]") +
                               R"(,"a":)" + entry("F32", "[]", "[0,4]") + R"(,"none":)" +
                               entry("F16", "[0,3]", "[6,6]") + "}  ";
    const std::string file = SafetensorsBuilder::file(header, "abcdef");
    const auto read = readSafetensorsHeader(bytesOf(file));
    ASSERT_TRUE(read) << read.error().text();
    ASSERT_EQ(read->tensors.size(), 3u);
    EXPECT_EQ(read->tensors[0].name, "a");
    EXPECT_EQ(read->tensors[0].shape, Shape{});
    EXPECT_EQ(read->tensors[1].dtype, DType::UInt8);
    EXPECT_EQ(file.substr(read->tensors[1].begin, 2), "ef");
    EXPECT_EQ(read->tensors[2].begin, read->tensors[2].end);
    EXPECT_EQ(read->metadata.at("format"), "pt");
}

TEST(SafetensorsHeader, LengthsThatLie) {
    const auto code = [](const std::string &file) {
        return readSafetensorsHeader(bytesOf(file)).error().text();
    };
    EXPECT_THAT(code("1234"), HasSubstr("too short"));
    EXPECT_THAT(code(std::string("\x10\0\0\0\0\0\0\0{}", 10)), HasSubstr("cut short"));
    EXPECT_THAT(code(std::string(8, '\xff') + "{}"), HasSubstr("allowed"));
    EXPECT_THAT(code(std::string("\x01\xe1\xf5\x05\0\0\0\0{}", 10)), HasSubstr("allowed")); // 100,000,001
    EXPECT_THAT(code(std::string("\0\0\0\0\0\0\0\0", 8)), HasSubstr("'{'"));
}

TEST(SafetensorsHeader, WhatIsNotJson) {
    EXPECT_THAT(refusal("{\"a\":"), HasSubstr("not JSON"));
    EXPECT_THAT(refusal("{\"\xff\":1}"), HasSubstr("not JSON"));
    EXPECT_THAT(refusal("{} x"), HasSubstr("not JSON"));
    EXPECT_THAT(refusal(" {}"), HasSubstr("'{'"));
    EXPECT_THAT(refusal("{" + std::string(100'000, '[')), HasSubstr("not JSON"));
    EXPECT_THAT(refusal(R"({"a":)" + std::string(100'000, '[')), HasSubstr("list"));
    std::string nested = R"({"a":)";
    for (int i = 0; i < 100'000; ++i)
        nested += R"({"a":)";
    EXPECT_THAT(refusal(nested), HasSubstr("unknown field"));
}

TEST(SafetensorsHeader, PlacesThatDoNotFit) {
    const auto two = [](const std::string &first, const std::string &second) {
        return refusal(R"({"a":)" + entry("U8", "[4]", first) + R"(,"b":)" + entry("U8", "[4]", second) + "}",
                       "01234567");
    };
    EXPECT_EQ(two("[0,4]", "[4,8]"), "");
    EXPECT_EQ(two("[4,8]", "[0,4]"), "");
    EXPECT_THAT(two("[0,4]", "[3,7]"), HasSubstr("overlap"));
    EXPECT_THAT(two("[0,4]", "[0,4]"), HasSubstr("overlap"));
    EXPECT_THAT(two("[0,4]", "[5,9]"), HasSubstr("cut short"));
    EXPECT_THAT(refusal(R"({"a":)" + entry("U8", "[4]", "[2,6]") + "}", "012345"), HasSubstr("hole"));
    EXPECT_THAT(refusal(R"({"a":)" + entry("U8", "[4]", "[0,4]") + "}", "012345"),
                HasSubstr("belong to none"));
    EXPECT_THAT(refusal(R"({"a":)" + entry("U8", "[4]", "[4,0]") + "}", "0123"), HasSubstr("two offsets"));
    EXPECT_THAT(
        refusal(R"({"a":)" + entry("U8", "[4]", "[18446744073709551612,18446744073709551615]") + "}", "0123"),
        HasSubstr("bytes"));
}

TEST(SafetensorsHeader, NumbersThatAreNoPlaces) {
    const auto shape = [](const std::string &dims) {
        return refusal(R"({"a":)" + entry("F32", dims, "[0,4]") + "}", "0123");
    };
    EXPECT_EQ(shape("[1]"), "");
    EXPECT_THAT(shape("[1.0]"), HasSubstr("whole numbers"));
    EXPECT_THAT(shape("[1e0]"), HasSubstr("whole numbers"));
    EXPECT_THAT(shape("[1e999]"), HasSubstr("not JSON"));
    EXPECT_THAT(shape("[NaN]"), HasSubstr("not JSON"));
    EXPECT_THAT(shape("[-1]"), HasSubstr("negative"));
    EXPECT_THAT(shape("[18446744073709551615]"), HasSubstr("too large"));
    EXPECT_THAT(shape("[4294967296,4294967296]"), HasSubstr("tensor 'a'"));
    EXPECT_THAT(shape("[4611686018427387904]"), HasSubstr("too large"));
    EXPECT_THAT(shape("[2]"), HasSubstr("needs 8"));
    EXPECT_THAT(shape("[null]"), HasSubstr("null"));
    EXPECT_THAT(shape("[true]"), HasSubstr("true"));
    EXPECT_THAT(shape("[[1]]"), HasSubstr("list"));
    EXPECT_THAT(shape("[{}]"), HasSubstr("object"));
    EXPECT_THAT(shape("\"1\""), HasSubstr("text"));
    EXPECT_THAT(shape("4"), HasSubstr("number"));
    std::string many = "[1";
    for (int i = 0; i < 32; ++i)
        many += ",1";
    EXPECT_THAT(shape(many + "]"), HasSubstr("dimensions"));
    EXPECT_THAT(refusal(R"({"a":)" + entry("F32", "[1]", "[0,4.0]") + "}", "0123"),
                HasSubstr("whole numbers"));
    EXPECT_THAT(refusal(R"({"a":)" + entry("F32", "[1]", "[0,4,8]") + "}", "0123"), HasSubstr("offsets"));
    EXPECT_THAT(refusal(R"({"a":)" + entry("F4", "[3]", "[0,2]") + "}", "01"), HasSubstr("whole bytes"));
}

TEST(SafetensorsHeader, MembersThatDoNotBelong) {
    const std::string good = entry("U8", "[4]", "[0,4]");
    EXPECT_THAT(refusal(R"({"a":)" + good + R"(,"a":)" + good + "}", "0123"), HasSubstr("twice"));
    EXPECT_THAT(refusal(R"({"a":{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}})", "0123"),
                HasSubstr("twice"));
    EXPECT_THAT(refusal(R"({"a":{"dtype":"U8","shape":[4]}})", "0123"), HasSubstr("needs"));
    EXPECT_THAT(refusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1}})", "0123"),
                HasSubstr("unknown"));
    EXPECT_THAT(refusal(R"({"":)" + good + "}", "0123"), HasSubstr("name"));
    EXPECT_THAT(refusal(R"({")" + std::string(5000, 'n') + R"(":)" + good + "}", "0123"), HasSubstr("name"));
    EXPECT_THAT(refusal(R"({"__metadata__":{"a":1}})"), HasSubstr("number"));
    EXPECT_THAT(refusal(R"({"__metadata__":{"a":"x","a":"y"}})"), HasSubstr("twice"));
    EXPECT_THAT(refusal(R"({"__metadata__":{"a":{}}})"), HasSubstr("object"));
    EXPECT_THAT(refusal(R"({"__metadata__":"x"})"), HasSubstr("text"));
}

TEST(SafetensorsHeader, MoreTensorsThanAnybodyNeeds) {
    const std::string empty = R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)";
    std::string header = "{";
    header.reserve(64'000'000);
    for (int i = 0; i <= 1'000'000; ++i)
        header += '"' + std::to_string(i) + empty;
    header.back() = '}';
    EXPECT_THAT(refusal(header), HasSubstr("more than 1000000"));
}

TEST(SafetensorsHeader, TypesOfTheFuture) {
    const auto read = readSafetensorsHeader(
        bytesOf(SafetensorsBuilder::file(R"({"a":)" + entry("F3_NEW", "[8]", "[0,3]") + "}", "abc")));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->tensors[0].dtype, DType::Undefined);
}

TEST(NaturalLess, NumbersCountAsNumbers) {
    EXPECT_TRUE(naturalLess("layers.9.a", "layers.10.a"));
    EXPECT_FALSE(naturalLess("layers.10.a", "layers.9.a"));
    EXPECT_TRUE(naturalLess("a", "ab"));
    EXPECT_TRUE(naturalLess("a.02", "a.3"));
    EXPECT_FALSE(naturalLess("a", "a"));
}

class SafetensorsModel : public testing::Test {
protected:
    std::shared_ptr<const Model> open(const std::filesystem::path &path) {
        auto model = openModel(path, m_findings, {});
        EXPECT_TRUE(model) << model.error().text();
        return model ? *model : nullptr;
    }
    Error refused(const std::filesystem::path &path) {
        const auto model = openModel(path, m_findings, {});
        EXPECT_FALSE(model);
        return model ? Error{} : model.error();
    }
    std::vector<float> values(const Model &model, const std::string &name) {
        const Tensor *tensor = model.graph.constant(model.graph.findValue(name));
        const auto floats = toFloat32(*tensor);
        return floats ? std::vector<float>(floats->values<float>().begin(), floats->values<float>().end())
                      : std::vector<float>{};
    }
    std::string findingText() {
        std::string text;
        for (const auto &finding : m_findings.snapshot())
            text += finding.finding.where + ": " + finding.finding.what + "\n";
        return text;
    }
    TempDir m_dir;
    FindingList m_findings;
};

TEST_F(SafetensorsModel, EveryTypeDecodes) {
    SafetensorsBuilder file;
    file.add<double>("f64", "F64", {2}, {1.5, -2});
    file.add<float>("f32", "F32", {2}, {1.5f, -2});
    file.add<std::uint16_t>("f16", "F16", {2}, {0x3e00, 0xc000});
    file.add<std::uint16_t>("bf16", "BF16", {2}, {0x3fc0, 0xc000});
    file.add("e4m3", "F8_E4M3", {2}, "\x3c\xc0");
    file.add("e5m2", "F8_E5M2", {2}, "\x3e\xc0");
    file.add("e4m3fnuz", "F8_E4M3FNUZ", {2}, "\x44\xc8");
    file.add("e5m2fnuz", "F8_E5M2FNUZ", {2}, "\x42\xc4");
    file.add("e8m0", "F8_E8M0", {2}, "\x7f\x80");
    file.add("f4", "F4", {2}, "\xc3"); // 1.5, then -2
    file.add<std::int64_t>("i64", "I64", {2}, {1, -2});
    file.add<std::int32_t>("i32", "I32", {2}, {1, -2});
    file.add<std::int16_t>("i16", "I16", {2}, {1, -2});
    file.add<std::int8_t>("i8", "I8", {2}, {1, -2});
    file.add<std::uint64_t>("u64", "U64", {2}, {1, 2});
    file.add<std::uint32_t>("u32", "U32", {2}, {1, 2});
    file.add<std::uint16_t>("u16", "U16", {2}, {1, 2});
    file.add<std::uint8_t>("u8", "U8", {2}, {1, 2});
    file.add("bool", "BOOL", {2}, std::string("\x05\x00", 2));
    file.add<float>("c64", "C64", {1}, {1, 2});
    const auto model = open(m_dir.write("types.safetensors", file.bytes()));
    ASSERT_TRUE(model);
    for (const char *name : {"f64", "f32", "f16", "bf16", "e4m3", "e5m2", "e4m3fnuz", "e5m2fnuz", "f4"})
        EXPECT_EQ(values(*model, name), (std::vector<float>{1.5f, -2})) << name;
    EXPECT_EQ(values(*model, "e8m0"), (std::vector<float>{1, 2}));
    for (const char *name : {"i64", "i32", "i16", "i8"})
        EXPECT_EQ(values(*model, name), (std::vector<float>{1, -2})) << name;
    for (const char *name : {"u64", "u32", "u16", "u8"})
        EXPECT_EQ(values(*model, name), (std::vector<float>{1, 2})) << name;
    EXPECT_EQ(values(*model, "bool"), (std::vector<float>{1, 0}));
    EXPECT_EQ(model->graph.constant(model->graph.findValue("c64"))->dtype(), DType::Complex64);
}

TEST_F(SafetensorsModel, SixBitFloatsAreNamedNotDecoded) {
    SafetensorsBuilder file;
    file.add("six", "F6_E2M3", {4}, "abc").add<float>("w.weight", "F32", {1, 1}, {1});
    const auto model = open(m_dir.write("six.safetensors", file.bytes()));
    ASSERT_TRUE(model);
    EXPECT_EQ(model->graph.findValue("six"), kNoValue);
    EXPECT_THAT(findingText(), HasSubstr("six [4]"));
    EXPECT_THAT(findingText(), HasSubstr("F6_E2M3"));
}

TEST_F(SafetensorsModel, MatricesBecomeLayersInNaturalOrder) {
    SafetensorsBuilder file;
    file.add<float>("layers.10.q.weight", "F32", {2, 3}, {1, 2, 3, 4, 5, 6});
    file.add<float>("layers.9.q.weight", "F32", {1, 2}, {7, 8});
    file.add<float>("embed_tokens.weight", "F32", {2, 2}, {1, 2, 3, 4});
    file.add<float>("conv.weight", "F32", {2, 1, 1, 2}, {1, 2, 3, 4});
    file.add<float>("norm.weight", "F32", {2}, {1, 1});
    file.add<std::int32_t>("qweight", "I32", {2, 2}, {1, 2, 3, 4});
    const auto model = open(m_dir.write("m.safetensors", file.bytes()));
    ASSERT_TRUE(model);
    ASSERT_EQ(model->layers.size(), 4u);
    EXPECT_EQ(model->layers[0].name, "conv");
    EXPECT_EQ(model->layers[0].kind, LayerKind::Conv);
    EXPECT_EQ(model->layers[0].inPerOut, 2);
    EXPECT_EQ(model->layers[1].kind, LayerKind::Embedding);
    EXPECT_EQ(model->layers[2].name, "layers.9.q");
    EXPECT_EQ(model->layers[3].name, "layers.10.q");
    EXPECT_EQ(model->layers[3].outChannels, 2);
    const auto matrix = weightMatrix(model->layers[3], model->graph);
    ASSERT_TRUE(matrix);
    EXPECT_EQ(matrix->values<float>()[3], 4);
    EXPECT_EQ(model->graph.parameterCount(), 6 + 2 + 4 + 4 + 2);
}

TEST_F(SafetensorsModel, NothingRunsAndItSaysSo) {
    SafetensorsBuilder file;
    file.add<float>("w.weight", "F32", {1, 1}, {1});
    const auto model = open(m_dir.write("m.safetensors", file.bytes()));
    ASSERT_TRUE(model);
    EXPECT_TRUE(isWeightsOnly(model->graph));
    EXPECT_THAT(findingText(), HasSubstr("without a graph"));
    EXPECT_THAT(Executor::create(model).error().text(), HasSubstr("without a graph"));
}

TEST_F(SafetensorsModel, AlignedDataIsNotCopied) {
    SafetensorsBuilder file;
    file.add<float>("big", "F32", {1 << 19}, std::vector<float>(1 << 19, 0.25f)); // 2 MiB: mapped, not read
    file.add("byte", "U8", {1}, "x");
    file.add<float>("odd", "F32", {1}, {2});
    const auto path = m_dir.write("m.safetensors", file.bytes());
    const auto files = findSafetensors(path);
    ASSERT_TRUE(files);
    const auto tensors = readSafetensors(*files, m_findings, {});
    ASSERT_TRUE(tensors);
    const auto *big = (*tensors)[0].tensor.bytes(), *byte = (*tensors)[1].tensor.bytes();
    EXPECT_EQ((*tensors)[0].name, "big");
    EXPECT_EQ(byte - big, std::ptrdiff_t{4} << 19) << "both lie in the mapping";
    EXPECT_EQ((*tensors)[2].tensor.values<float>()[0], 2) << "behind an odd byte: copied to an aligned place";
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>((*tensors)[2].tensor.bytes()) % alignof(float), 0u);
}

TEST_F(SafetensorsModel, DataAfterAnUnpaddedHeader) {
    for (const std::string name : {"w", "ww", "www", "wwww"}) {
        SafetensorsBuilder file;
        file.add<double>(name, "F64", {2}, {3, 4});
        const auto model = open(m_dir.write("m.safetensors", file.bytes(false)));
        ASSERT_TRUE(model);
        EXPECT_EQ(values(*model, name), (std::vector<float>{3, 4}));
    }
}

class ShardedModel : public SafetensorsModel {
protected:
    void SetUp() override {
        write("one.safetensors", "a.weight", 1);
        write("two.safetensors", "b.weight", 2);
    }
    std::filesystem::path write(const std::string &file, const std::string &name, float value) {
        return m_dir.write(file, SafetensorsBuilder().add<float>(name, "F32", {1, 1}, {value}).bytes());
    }
    std::filesystem::path index(const std::string &map) {
        return m_dir.write("model.safetensors.index.json",
                           R"({"metadata":{"total_size":8},"weight_map":)" + map + "}");
    }
};

TEST_F(ShardedModel, OpensByIndexByFolderAndByShard) {
    const auto path = index(R"({"a.weight":"one.safetensors","b.weight":"two.safetensors"})");
    for (const auto &opened : {path, m_dir.path(), m_dir.path() / "", m_dir.path() / "two.safetensors"}) {
        const auto model = open(opened);
        ASSERT_TRUE(model) << opened;
        EXPECT_EQ(model->layers.size(), 2u) << opened;
        EXPECT_EQ(values(*model, "b.weight"), std::vector<float>{2});
        EXPECT_TRUE(std::filesystem::is_directory(model->file));
        EXPECT_EQ(model->sha256, sourceHash(m_dir.path(), {}).value());
    }
    const auto before = sourceHash(m_dir.path(), {}).value();
    write("two.safetensors", "b.weight", 3);
    EXPECT_NE(sourceHash(m_dir.path(), {}).value(), before) << "every shard counts";
}

TEST_F(ShardedModel, AFolderWithOneFileNeedsNoIndex) {
    EXPECT_THAT(refused(m_dir.path()).text(), HasSubstr("2 .safetensors files"));
    std::filesystem::remove(m_dir.path() / "one.safetensors");
    EXPECT_TRUE(open(m_dir.path()));
    std::filesystem::remove(m_dir.path() / "two.safetensors");
    EXPECT_EQ(refused(m_dir.path()).code, ErrorCode::NotFound);
}

TEST_F(ShardedModel, IndexThatLeavesTheFolder) {
    for (const std::string &file :
         std::vector<std::string>{"../one.safetensors", "/etc/passwd", "sub/one.safetensors", "..", ".", "",
                                  "c:x", "a\\\\b", "a\\u0000b", std::string(256, 'x')}) {
        const Error error = refused(index(R"({"a.weight":")" + file + R"("})"));
        EXPECT_EQ(error.code, ErrorCode::CorruptFile) << file;
        EXPECT_THAT(error.text(), HasSubstr("plain file name")) << file;
    }
    EXPECT_THAT(refused(index(R"({"a.weight":7})")).text(), HasSubstr("plain file name"));
}

TEST_F(ShardedModel, TheTotalSizeIsNotBelieved) {
    for (const char *size : {"-1", "0", "1e300", "\"x\"", "18446744073709551615"})
        EXPECT_TRUE(open(m_dir.write("model.safetensors.index.json",
                                     std::string(R"({"metadata":{"total_size":)") + size +
                                         R"(},"weight_map":{"a.weight":"one.safetensors"}})")))
            << size;
}

TEST_F(ShardedModel, SymbolicLinksThatLeaveTheFolder) {
    TempDir elsewhere;
    const auto target = elsewhere.write(
        "secret.safetensors", SafetensorsBuilder().add<float>("a.weight", "F32", {1, 1}, {9}).bytes());
    std::filesystem::create_symlink(target, m_dir.path() / "link.safetensors");
    EXPECT_THAT(refused(index(R"({"a.weight":"link.safetensors"})")).text(), HasSubstr("link"));
    std::filesystem::create_symlink("one.safetensors", m_dir.path() / "inside.safetensors");
    EXPECT_TRUE(open(index(R"({"a.weight":"inside.safetensors"})")));
    std::filesystem::create_directory(m_dir.path() / "folder.safetensors");
    EXPECT_FALSE(openModel(index(R"({"a.weight":"folder.safetensors"})"), m_findings, {}));
}

TEST_F(ShardedModel, DownloadCachesKeepBlobsElsewhere) {
    const std::string bytes = SafetensorsBuilder().add<float>("a.weight", "F32", {1, 1}, {5}).bytes();
    m_dir.write("models--x/blobs/0123abcd", bytes);
    const auto index = m_dir.write("models--x/snapshots/rev/model.safetensors.index.json",
                                   R"({"weight_map":{"a.weight":"m.safetensors"}})");
    std::filesystem::create_symlink("../../blobs/0123abcd", index.parent_path() / "m.safetensors");
    const auto model = open(index);
    ASSERT_TRUE(model);
    EXPECT_EQ(values(*model, "a.weight"), std::vector<float>{5});
}

TEST_F(ShardedModel, IndexAndShardsDisagree) {
    EXPECT_THAT(refused(index(R"({"a.weight":"three.safetensors"})")).text(), HasSubstr("missing"));
    EXPECT_THAT(refused(index(R"({"c.weight":"one.safetensors"})")).text(), HasSubstr("c.weight"));
    EXPECT_THAT(refused(index(R"({"b.weight":"one.safetensors"})")).text(), HasSubstr("b.weight"));
    const auto model = open(index(R"({"a.weight":"one.safetensors"})"));
    ASSERT_TRUE(model);
    m_dir.write("one.safetensors", SafetensorsBuilder()
                                       .add<float>("a.weight", "F32", {1, 1}, {1})
                                       .add<float>("more", "F32", {1}, {1})
                                       .bytes());
    EXPECT_TRUE(open(index(R"({"a.weight":"one.safetensors"})")));
    EXPECT_THAT(findingText(), HasSubstr("not in the index"));
    EXPECT_THAT(refused(index("[]")).text(), HasSubstr("weight_map"));
    EXPECT_THAT(refused(index("{}")).text(), HasSubstr("weight_map"));
}

TEST(SourceHash, LargeFilesAreSampled) {
    TempDir dir;
    const auto path = dir.write("large", "x");
    std::filesystem::resize_file(path, std::uintmax_t(300) << 20); // sparse
    const auto before = sourceHash(path, {}).value();
    EXPECT_TRUE(before.ends_with("(sampled)"));
    {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp((std::streamoff(300) << 20) - 5);
        file << "y";
    }
    EXPECT_NE(sourceHash(path, {}).value(), before);
}

} // namespace
} // namespace qs
