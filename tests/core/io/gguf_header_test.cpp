#include "core/io/importers/gguf_header.h"

#include "core/tensor/blocks/block_type.h"
#include "tests/support/gguf_builder.h"

namespace qs {
namespace {

using testing::HasSubstr;

std::string floats(std::size_t count) {
    return std::string(4 * count, '\1');
}

/// Of a file that must be refused.
Error errorOf(const std::string &bytes) {
    FindingList findings;
    const auto header = readGgufHeader(std::as_bytes(std::span(bytes)), findings);
    EXPECT_FALSE(header) << "should be refused";
    return header ? Error{} : header.error();
}

void expectCorrupt(const GgufBuilder &builder, const std::string &part) {
    const Error error = errorOf(builder.bytes());
    EXPECT_EQ(error.code, ErrorCode::CorruptFile);
    EXPECT_THAT(error.text(), HasSubstr(part));
}

TEST(GgufHeader, ReadsEveryTypeOfMetadata) {
    GgufBuilder builder;
    using B = GgufBuilder;
    builder.add("t.u8", 0, B::raw<std::uint8_t>(200));
    builder.add("t.i8", 1, B::raw<std::int8_t>(-5));
    builder.add("t.u16", 2, B::raw<std::uint16_t>(60000));
    builder.add("t.i16", 3, B::raw<std::int16_t>(-300));
    builder.add("t.u32", 4, B::raw<std::uint32_t>(4000000000u));
    builder.add("t.i32", 5, B::raw<std::int32_t>(-7));
    builder.add("t.f32", 6, B::raw(0.1f));
    builder.add("t.bool", 7, B::raw<std::uint8_t>(1));
    builder.addText("t.text", "héllo");
    builder.add("t.array", 9, B::array(5, 3, B::raw(1) + B::raw(-2) + B::raw(3)));
    builder.add("t.u64", 10, B::raw<std::uint64_t>(1ull << 63));
    builder.add("t.i64", 11, B::raw<std::int64_t>(-1));
    builder.add("t.f64", 12, B::raw(1e-5));
    builder.add("t.nested", 9,
                B::array(9, 2, B::array(8, 1, B::text("a")) + B::array(8, 2, B::text("b") + B::text("c"))));
    const std::string bytes = builder.bytes();
    FindingList findings;
    const auto header = readGgufHeader(std::as_bytes(std::span(bytes)), findings);
    ASSERT_TRUE(header) << header.error().text();
    std::vector<std::string> texts;
    for (const auto &[key, value] : header->metadata)
        texts.push_back(key.substr(2) + " " + value.typeText() + " " + value.valueText());
    EXPECT_EQ(texts, (std::vector<std::string>{"u8 uint8 200", "i8 int8 -5", "u16 uint16 60000",
                                               "i16 int16 -300", "u32 uint32 4000000000", "i32 int32 -7",
                                               "f32 float32 0.1", "bool bool true", "text string héllo",
                                               "array array of int32 [1, -2, 3]",
                                               "u64 uint64 9223372036854775808", "i64 int64 -1",
                                               "f64 float64 1e-05", "nested array of array [[a], [b, c]]"}));
    EXPECT_EQ(header->find("t.i8")->integer(), -5);
    EXPECT_EQ(header->find("t.u32")->number(), 4e9);
    EXPECT_EQ(header->find("t.u64")->integer(), std::nullopt) << "beyond int64";
    EXPECT_EQ(header->find("t.text")->text(), "héllo");
    EXPECT_EQ(header->find("t.none"), nullptr);
    EXPECT_TRUE(findings.snapshot().empty());
}

TEST(GgufHeader, LongArraysAreCutInTexts) {
    GgufBuilder builder;
    std::string tokens;
    for (int i = 0; i < 300; ++i)
        tokens += GgufBuilder::text("t" + std::to_string(i));
    builder.add("tokens", 9, GgufBuilder::array(8, 300, tokens));
    const std::string bytes = builder.bytes();
    FindingList findings;
    const auto header = readGgufHeader(std::as_bytes(std::span(bytes)), findings);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->metadata[0].second.valueText(), "[t0, t1, t2, t3, t4, t5, t6, t7, … 300 in all]");
}

TEST(GgufHeader, PlacesTensorsAndReversesTheirShape) {
    GgufBuilder builder;
    builder.alignment = 64;
    builder.add("general.alignment", 4, GgufBuilder::raw<std::uint32_t>(64));
    builder.tensor("a", {3, 2}, 0, floats(6));
    builder.tensor("b", {64, 5}, 2, std::string(5 * 2 * 18, 'x'));
    builder.tensor("empty", {0, 4}, 0, "");
    builder.tensor("scalar", {}, 26, "\1\0\0");
    const std::string bytes = builder.bytes();
    FindingList findings;
    const auto header = readGgufHeader(std::as_bytes(std::span(bytes)), findings);
    ASSERT_TRUE(header) << header.error().text();
    ASSERT_EQ(header->tensors.size(), 4u);
    EXPECT_EQ(header->tensors[0].shape, (Shape{2, 3}));
    EXPECT_EQ(header->tensors[1].shape, (Shape{5, 64}));
    EXPECT_EQ(header->tensors[1].dtype, blockDType(BlockType::Q4_0));
    EXPECT_EQ(header->tensors[1].bytes, 180u);
    EXPECT_EQ(bytes.substr(header->tensors[1].offset, 180), std::string(180, 'x'));
    EXPECT_EQ(header->tensors[1].offset % 64, 0u);
    EXPECT_EQ(header->tensors[2].shape.numel(), 0);
    EXPECT_EQ(header->tensors[3].shape.rank(), 0);
}

TEST(GgufHeader, AcceptsGapsAndAnyOrder) {
    GgufBuilder builder;
    builder.tensor("late", {8}, 0, floats(8), 64);
    builder.tensor("early", {8}, 0, floats(8) + std::string(64, '\0'), 0);
    FindingList findings;
    const std::string bytes = builder.bytes();
    EXPECT_TRUE(readGgufHeader(std::as_bytes(std::span(bytes)), findings));
}

TEST(GgufHeader, RefusesOtherVersions) {
    GgufBuilder builder;
    builder.magic = "GGML";
    expectCorrupt(builder, "no GGUF file");
    builder.magic = "GGUF";
    for (const std::uint32_t version : {0u, 1u, 4u}) {
        builder.version = version;
        EXPECT_EQ(errorOf(builder.bytes()).code, ErrorCode::Unsupported) << version;
    }
    builder.version = 3u << 24;
    EXPECT_THAT(errorOf(builder.bytes()).message, HasSubstr("big-endian"));
    builder.version = 2;
    FindingList findings;
    const std::string bytes = builder.bytes();
    EXPECT_TRUE(readGgufHeader(std::as_bytes(std::span(bytes)), findings)) << "no tensors is legal";
}

TEST(GgufHeader, RefusesCountsBeyondTheFile) {
    GgufBuilder builder;
    builder.extraTensors = 1000000;
    expectCorrupt(builder, "1000000 tensors");
    builder.extraTensors = -1;
    expectCorrupt(builder, "tensors, more than");
    builder.extraTensors = 0;
    builder.extraEntries = std::int64_t(1) << 60;
    expectCorrupt(builder, "metadata entries, more than");
    GgufBuilder room; // a file that has room for so many, and more than anybody needs
    room.tensor("w", {8}, 0, floats(8) + std::string(std::size_t(25) << 20, '\0'));
    room.extraTensors = 1000000;
    expectCorrupt(room, "1000001 tensors");
}

TEST(GgufHeader, RefusesBadKeys) {
    GgufBuilder twice;
    twice.addText("general.name", "a");
    twice.addText("general.name", "b");
    expectCorrupt(twice, "'general.name' twice");
    GgufBuilder empty;
    empty.addText("", "a");
    expectCorrupt(empty, "0 bytes");
    GgufBuilder endless;
    endless.addText(std::string(65536, 'k'), "a");
    expectCorrupt(endless, "65536 bytes");
}

TEST(GgufHeader, SaysWhenAKeyBreaksTheRules) {
    GgufBuilder builder;
    builder.addText("General..Name", "a");
    const std::string bytes = builder.bytes();
    FindingList findings;
    EXPECT_TRUE(readGgufHeader(std::as_bytes(std::span(bytes)), findings));
    ASSERT_EQ(findings.snapshot().size(), 1u);
    EXPECT_THAT(findings.snapshot()[0].finding.what, HasSubstr("General..Name"));
}

TEST(GgufHeader, RefusesValuesBeyondTheFile) {
    using B = GgufBuilder;
    const std::vector<std::pair<std::uint32_t, std::string>> values = {
        {8, B::raw<std::uint64_t>((1ull << 30) + 1)},       // text
        {8, B::raw<std::uint64_t>(1000)},                   // text
        {9, B::raw<std::uint32_t>(0) + B::raw(~0ull)},      // array
        {9, B::raw<std::uint32_t>(12) + B::raw(1ull << 29)} // array whose bytes would wrap in 32 bits
    };
    for (const auto &[type, value] : values) {
        GgufBuilder builder;
        builder.add("k", type, value);
        EXPECT_EQ(errorOf(builder.bytes()).code, ErrorCode::CorruptFile);
        EXPECT_THAT(errorOf(builder.bytes()).where, HasSubstr("'k'"));
    }
}

TEST(GgufHeader, RefusesUnknownTypesAndBools) {
    GgufBuilder type;
    type.add("k", 13, "12345678");
    expectCorrupt(type, "unknown type 13");
    GgufBuilder element;
    element.add("k", 9, GgufBuilder::array(99, 1, "x"));
    expectCorrupt(element, "unknown type 99");
    GgufBuilder truth;
    truth.add("k", 7, "\2");
    expectCorrupt(truth, "must be 0 or 1");
    GgufBuilder truths;
    truths.add("k", 9, GgufBuilder::array(7, 2, std::string("\0\3", 2)));
    expectCorrupt(truths, "must be 0 or 1");
}

TEST(GgufHeader, RefusesEndlessNesting) {
    std::string value = GgufBuilder::array(0, 1, "x");
    for (int depth = 0; depth < 3; ++depth)
        value = GgufBuilder::array(9, 1, value);
    GgufBuilder four;
    four.add("k", 9, value);
    FindingList findings;
    const std::string bytes = four.bytes();
    EXPECT_TRUE(readGgufHeader(std::as_bytes(std::span(bytes)), findings));
    GgufBuilder endless;
    std::string levels;
    for (int depth = 0; depth < 100000; ++depth)
        levels += GgufBuilder::array(9, 1, "");
    endless.add("k", 9, levels);
    expectCorrupt(endless, "nested");
}

TEST(GgufHeader, RefusesBadAlignment) {
    for (const std::uint32_t alignment : {0u, 24u, 3u}) {
        GgufBuilder builder;
        builder.add("general.alignment", 4, GgufBuilder::raw(alignment));
        expectCorrupt(builder, "power of two");
    }
    GgufBuilder text;
    text.addText("general.alignment", "32");
    expectCorrupt(text, "power of two");
}

TEST(GgufHeader, RefusesBadTensorNames) {
    GgufBuilder twice;
    twice.tensor("w", {8}, 0, floats(8));
    twice.tensor("w", {8}, 0, floats(8));
    expectCorrupt(twice, "'w' twice");
    GgufBuilder endless;
    endless.tensor(std::string(64, 'w'), {8}, 0, floats(8));
    expectCorrupt(endless, "64 bytes");
    GgufBuilder nameless;
    nameless.tensor("", {8}, 0, floats(8));
    expectCorrupt(nameless, "0 bytes");
    GgufBuilder longest;
    longest.tensor(std::string(63, 'w'), {8}, 0, floats(8));
    FindingList findings;
    const std::string bytes = longest.bytes();
    EXPECT_TRUE(readGgufHeader(std::as_bytes(std::span(bytes)), findings));
}

TEST(GgufHeader, RefusesBadShapes) {
    const std::vector<std::pair<std::vector<std::int64_t>, std::string>> shapes = {
        {{1, 1, 1, 1, 1}, "5 dimensions"},
        {{-8}, ""},
        {{std::int64_t(1) << 40, std::int64_t(1) << 40}, ""}, // the product wraps to 0
        {{std::int64_t(1) << 60}, ""}};
    for (const auto &[dims, part] : shapes) {
        GgufBuilder builder;
        builder.tensor("w", dims, 0, floats(8));
        expectCorrupt(builder, part);
        EXPECT_THAT(errorOf(builder.bytes()).where, HasSubstr("'w'"));
    }
    GgufBuilder blocks;
    blocks.tensor("w", {33, 2}, 8, std::string(100, 'x'));
    expectCorrupt(blocks, "no whole number of q8_0 blocks of 32");
}

TEST(GgufHeader, RefusesRemovedAndUnknownElementTypes) {
    for (const std::uint32_t type : {4u, 5u, 31u, 32u, 33u, 36u, 37u, 38u, 43u, 256u + 2u, 0xFFFFFFFFu}) {
        GgufBuilder builder;
        builder.tensor("w", {32}, type, floats(32));
        EXPECT_EQ(errorOf(builder.bytes()).code, ErrorCode::Unsupported) << type;
        EXPECT_THAT(errorOf(builder.bytes()).text(), HasSubstr(std::to_string(type)));
    }
}

TEST(GgufHeader, RefusesTensorsOutOfPlace) {
    GgufBuilder odd;
    odd.tensor("w", {8}, 0, floats(100), 16);
    expectCorrupt(odd, "no multiple of the alignment");
    GgufBuilder beyond;
    beyond.tensor("w", {8}, 0, floats(8), 64);
    expectCorrupt(beyond, "beyond the file");
    GgufBuilder wrapping;
    wrapping.tensor("w", {8}, 0, floats(8), std::numeric_limits<std::int64_t>::max() & ~std::int64_t(31));
    expectCorrupt(wrapping, "beyond the file");
    GgufBuilder shared;
    shared.tensor("v", {16}, 0, floats(16), 0);
    shared.tensor("w", {8}, 0, floats(8), 32);
    expectCorrupt(shared, "'v' and 'w' share bytes");
}

TEST(GgufHeader, EveryCutIsRefused) {
    GgufBuilder builder;
    builder.addText("general.name", "cut");
    builder.add("array", 9, GgufBuilder::array(8, 1, GgufBuilder::text("x")));
    builder.tensor("w", {8}, 0, floats(8));
    const std::string bytes = builder.bytes();
    FindingList findings;
    ASSERT_TRUE(readGgufHeader(std::as_bytes(std::span(bytes)), findings));
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(readGgufHeader(std::as_bytes(std::span(bytes).first(size)), findings)) << size;
}

} // namespace
} // namespace qs
