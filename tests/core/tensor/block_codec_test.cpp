#include "core/tensor/blocks/block_codec.h"

#include "core/base/content_hash.h"
#include "core/io/hdf5_file.h"
#include "core/tensor/convert.h"

#include <gmock/gmock.h>
#include <limits>

namespace qs::test {
namespace {

/// What ggml made of a matrix: tests/golden/blocks.
class GgmlBlocks : public testing::Test {
protected:
    void SetUp() override {
        const auto file = Hdf5File::open(QS_TEST_DATA "/blocks/ggml_blocks.h5");
        ASSERT_TRUE(file) << file.error().text();
        m_file = *file;
        m_input = m_file->read("input").value();
    }
    std::vector<std::string> formats() const {
        std::vector<std::string> names;
        const auto entries = m_file->children().value();
        for (const Hdf5File::Entry &entry : entries)
            if (entry.isGroup)
                names.push_back(entry.name);
        return names;
    }
    std::span<const std::byte> stored(const std::string &format) {
        m_stored = m_file->read(format + "/bytes").value();
        return {m_stored.bytes(), m_stored.sizeBytes()};
    }
    Tensor blockTensor(const BlockFormat &format) {
        stored(std::string(format.name));
        return Tensor::wrap(blockDType(format.type), m_input.shape(), m_stored.storage());
    }

    std::shared_ptr<const Hdf5File> m_file;
    Tensor m_input, m_stored;
};

TEST_F(GgmlBlocks, DecodeToTheSameBits) {
    int decoded = 0;
    for (const std::string &name : formats()) {
        const BlockFormat *format = findBlockFormat(name);
        ASSERT_TRUE(format) << name;
        const auto values = toFloat32(blockTensor(*format));
        ASSERT_EQ(values.has_value(), format->decodable) << name;
        if (!values) {
            EXPECT_EQ(values.error().code, ErrorCode::Unsupported);
            EXPECT_THAT(values.error().message, testing::HasSubstr(name));
            continue;
        }
        ++decoded;
        EXPECT_EQ(sha256(std::as_bytes(values->values<float>())),
                  m_file->textAttribute(name, "values_sha256").value())
            << name;
    }
    EXPECT_EQ(decoded, 18);
}

TEST_F(GgmlBlocks, EncodeToTheSameBytes) {
    const MatrixView<const float> values{m_input.values<float>().data(), m_input.shape()[0],
                                         m_input.shape()[1]};
    int encoded = 0;
    for (const std::string &name : formats()) {
        const BlockFormat &format = *findBlockFormat(name);
        if (!canEncode(format.type))
            continue;
        const auto blocks = encodeBlocks(format.type, values, RunContext{});
        ASSERT_TRUE(blocks) << blocks.error().text();
        const auto expected = stored(name);
        ASSERT_EQ(blocks->size(), expected.size()) << name;
        const auto difference =
            std::mismatch(blocks->begin(), blocks->end(), expected.begin()).first - blocks->begin();
        EXPECT_EQ(difference, static_cast<std::ptrdiff_t>(expected.size()))
            << name << ": block " << difference / format.bytes << ", byte " << difference % format.bytes;
        ++encoded;
    }
    EXPECT_EQ(encoded, 17);
}

TEST_F(GgmlBlocks, PartsGiveTheDecodedValues) {
    for (const BlockFormat &format : blockFormats()) {
        if (!format.decodable || !m_file->hasGroup(std::string(format.name)))
            continue;
        const Tensor tensor = blockTensor(format);
        const Tensor values = toFloat32(tensor).value();
        BlockParts parts;
        for (std::int64_t b = 0; b < tensor.numel() / format.elements; ++b) {
            unpackBlock(format.type, tensor.bytes() + b * format.bytes, parts);
            for (int i = 0; i < parts.elements; ++i)
                ASSERT_EQ(parts.value(i),
                          values.values<float>()[static_cast<std::size_t>(b * format.elements + i)])
                    << format.name << " block " << b << " element " << i;
        }
    }
}

TEST_F(GgmlBlocks, OneThreadGivesTheSameBytes) {
    const MatrixView<const float> values{m_input.values<float>().data(), m_input.shape()[0],
                                         m_input.shape()[1]};
    RunContext single;
    single.maxThreads = 1;
    EXPECT_EQ(encodeBlocks(BlockType::Q4_K, values, single).value(),
              encodeBlocks(BlockType::Q4_K, values, RunContext{}).value());
}

/// 512 values that every language can reproduce.
std::vector<float> lcgValues() {
    std::vector<float> values(512);
    std::uint32_t state = 1;
    for (float &value : values) {
        state = state * 1664525u + 1013904223u;
        value = static_cast<float>((state >> 8) / 16777216.0 * 2 - 1) * 0.125f;
    }
    return values;
}

std::uint32_t crc32(std::span<const std::byte> bytes) {
    std::uint32_t crc = 0xFFFFFFFFu;
    for (const std::byte byte : bytes) {
        crc ^= std::to_integer<std::uint32_t>(byte);
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320u : 0u);
    }
    return ~crc;
}

struct Checksums {
    BlockType type;
    std::uint32_t blocks, values;
};

TEST(BlockCodec, ChecksumsOfPseudoRandomValuesAreThoseOfGgml) {
    // file_formats 17.2: ggml commit d99724f
    const std::vector<Checksums> golden = {
        {BlockType::Q4_0, 0x5960ada0, 0x72fe8605},   {BlockType::Q4_1, 0x82db16d1, 0x86cf84d7},
        {BlockType::Q5_0, 0xaaff9c58, 0xd2fd755d},   {BlockType::Q5_1, 0x8f643c98, 0x5d0bb5c3},
        {BlockType::Q8_0, 0xa5508cea, 0x25e15188},   {BlockType::MXFP4, 0x9d43a166, 0xc7cb75e1},
        {BlockType::IQ4_NL, 0xb8d1ec3c, 0x660339f6}, {BlockType::Q2_K, 0xaf15af1e, 0xca3842ef},
        {BlockType::Q3_K, 0xf1bd3610, 0xb5d976b4},   {BlockType::Q4_K, 0xd38babb7, 0xdf61ec72},
        {BlockType::Q5_K, 0xc5fe9b5c, 0x81e3cbb7},   {BlockType::Q6_K, 0xc3df6784, 0xf8b1365b},
        {BlockType::IQ4_XS, 0xf4cea647, 0xc2e37dd4}, {BlockType::TQ1_0, 0xfc049edd, 0xb2e1b17a},
        {BlockType::TQ2_0, 0xa79fb918, 0xb2e1b17a}};
    const std::vector<float> values = lcgValues();
    std::vector<float> decoded(values.size());
    for (const Checksums &expected : golden) {
        const auto blocks = encodeBlocks(expected.type, {values.data(), 1, 512}, RunContext{});
        ASSERT_TRUE(blocks) << blocks.error().text();
        EXPECT_EQ(crc32(*blocks), expected.blocks) << blockFormat(expected.type).name;
        decodeBlocks(expected.type, *blocks, decoded);
        EXPECT_EQ(crc32(std::as_bytes(std::span(decoded))), expected.values)
            << blockFormat(expected.type).name;
    }
}

TEST(BlockCodec, SubBlocksOfQ4KAreNamedAsStored) {
    std::array<std::byte, 144> block{};
    auto set = [&](std::size_t at, int value) { block[at] = static_cast<std::byte>(value); };
    set(1, 0x3C);  // scale 1
    set(3, 0x40);  // minimum 2
    set(4, 0xC5);  // scale code of sub-block 0: 5; high bits of that of sub-block 4: 3
    set(12, 0x17); // sub-block 4: low bits of the scale 7, of the minimum 1
    set(16, 0xA9); // elements 0 and 32
    BlockParts parts;
    unpackBlock(BlockType::Q4_K, block.data(), parts);
    EXPECT_EQ(parts.scaleCodes[0], 5);
    EXPECT_EQ(parts.scaleCodes[4], 55);
    EXPECT_EQ(parts.minimumCodes[4], 1);
    EXPECT_EQ(parts.codes[0], 9);
    EXPECT_EQ(parts.codes[32], 10);
    EXPECT_EQ(parts.subBlockOf(32), 1);
    EXPECT_EQ(parts.value(0), 45);
    EXPECT_EQ(parts.value(128), -2);
}

TEST(BlockCodec, DamagedScalesBecomeNaNNotCrashes) {
    std::array<std::byte, 17> mxfp4{};
    mxfp4[0] = std::byte{255};
    std::array<float, 32> values;
    decodeBlocks(BlockType::MXFP4, mxfp4, values);
    EXPECT_TRUE(std::isnan(values[0]));
    // Any bytes can be taken apart.
    for (const BlockFormat &format : blockFormats()) {
        if (!format.decodable)
            continue;
        std::vector<std::byte> noise(static_cast<std::size_t>(format.bytes));
        std::uint32_t state = 7;
        for (int trial = 0; trial < 200; ++trial) {
            for (std::byte &byte : noise)
                byte = static_cast<std::byte>((state = state * 1664525u + 1013904223u) >> 24);
            std::vector<float> any(static_cast<std::size_t>(format.elements));
            decodeBlocks(format.type, noise, any);
        }
    }
}

TEST(BlockCodec, RefusesWhatBlocksCannotHold) {
    std::vector<float> values(64, 1.0f);
    const auto odd = encodeBlocks(BlockType::Q4_0, {values.data(), 2, 31}, RunContext{});
    ASSERT_FALSE(odd);
    EXPECT_THAT(odd.error().message, testing::HasSubstr("31 columns"));
    values[33] = std::numeric_limits<float>::quiet_NaN();
    const auto nan = encodeBlocks(BlockType::Q4_0, {values.data(), 2, 32}, RunContext{});
    ASSERT_FALSE(nan);
    EXPECT_THAT(nan.error().message, testing::HasSubstr("row 1, column 1"));
    values[33] = 1e6f;
    EXPECT_FALSE(encodeBlocks(BlockType::Q4_0, {values.data(), 2, 32}, RunContext{}));
    values[33] = 1;
    EXPECT_EQ(encodeBlocks(BlockType::Q8_K, {values.data(), 2, 32}, RunContext{}).error().code,
              ErrorCode::Unsupported);
}

TEST(BlockType, ElementTypesHaveNamesAndSizes) {
    for (const BlockFormat &format : blockFormats()) {
        const DType type = blockDType(format.type);
        EXPECT_EQ(dtypeName(type), format.name);
        EXPECT_EQ(dtypeFromName(format.name), type);
        EXPECT_TRUE(isFloatingPoint(type));
        EXPECT_EQ(Tensor::byteSize(type, Shape{3, 2 * format.elements}),
                  static_cast<std::size_t>(6 * format.bytes));
        EXPECT_FALSE(isKnownDType(static_cast<std::int32_t>(type))) << "no ONNX file may ask for it";
    }
}

} // namespace
} // namespace qs::test
