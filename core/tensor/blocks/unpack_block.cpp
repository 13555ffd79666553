#include "core/base/check.h"
#include "core/tensor/blocks/block_layouts.h"
#include "core/tensor/blocks/block_parts.h"

#include <cmath>
#include <limits>

namespace qs {
namespace {

std::int16_t narrow(int value) {
    return static_cast<std::int16_t>(value);
}

/// Byte j holds elements first + j (low nibble) and first + j + count (high nibble).
void readNibbles(Bytes bytes, int count, int first, BlockParts &parts) {
    std::int16_t *codes = parts.codes.data() + first;
    for (int j = 0; j < count; ++j) {
        codes[j] = bytes[j] & 15;
        codes[j + count] = bytes[j] >> 4;
    }
}

/// Four 2-bit codes in a byte, 32 elements apart, in halves of 128 elements.
void readQuarters(Bytes bytes, BlockParts &parts) {
    for (int half = 0; half < 2; ++half)
        for (int l = 0; l < 32; ++l)
            for (int part = 0; part < 4; ++part)
                parts.codes[static_cast<std::size_t>(128 * half + 32 * part + l)] =
                    (bytes[32 * half + l] >> (2 * part)) & 3;
}

void readBytes(Bytes bytes, BlockParts &parts) {
    for (int j = 0; j < parts.elements; ++j)
        parts.codes[static_cast<std::size_t>(j)] = static_cast<std::int8_t>(bytes[j]);
}

/// A block with one scale and, in some formats, one offset that is added.
void setSingle(BlockParts &parts, int bits, int zeroPoint, float scale) {
    parts.codeBits = bits;
    parts.zeroPoint = zeroPoint;
    parts.superScale = parts.scales[0] = scale;
    parts.minima[0] = 0;
}

void setOffset(BlockParts &parts, float offset) {
    parts.hasMinima = true;
    parts.superMinimum = parts.minima[0] = -offset;
}

void addFifthBits(std::uint32_t high, BlockParts &parts) {
    for (std::size_t j = 0; j < 32; ++j)
        parts.codes[j] |= narrow(static_cast<int>((high >> j) & 1) << 4);
}

void unpackQ5(Bytes b, bool offset, BlockParts &parts) {
    const int header = offset ? 4 : 2;
    setSingle(parts, 5, offset ? 0 : 16, readHalf(b));
    if (offset)
        setOffset(parts, readHalf(b + 2));
    readNibbles(b + header + 4, 16, 0, parts);
    addFifthBits(readWord(b + header), parts);
}

void unpackMxfp4(Bytes b, BlockParts &parts) {
    // The exponent counts steps of the doubled table; 255 marks a block that is no number.
    const float step = b[0] == 255 ? std::numeric_limits<float>::quiet_NaN() : std::ldexp(1.0f, b[0] - 128);
    setSingle(parts, 4, 0, step);
    parts.levels = kE2M1Doubled;
    readNibbles(b + 1, 16, 0, parts);
}

/// Unsigned E4M3: 127 and codes with the eighth bit are no numbers.
float decodeUnsignedE4M3(int code) {
    if (code >= 127)
        return std::numeric_limits<float>::quiet_NaN();
    const int exponent = code >> 3, mantissa = code & 7;
    return exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                         : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
}

void unpackNvfp4(Bytes b, BlockParts &parts) {
    parts.codeBits = 4;
    parts.levels = kE2M1Doubled;
    parts.subBlocks = 4;
    parts.scaleCodeBits = 8;
    for (int s = 0; s < 4; ++s) {
        const auto part = static_cast<std::size_t>(s);
        parts.scaleCodes[part] = b[s];
        parts.scales[part] = 0.5f * decodeUnsignedE4M3(b[s]); // the table is doubled
        parts.minima[part] = 0;
        readNibbles(b + 4 + 8 * s, 8, 16 * s, parts);
    }
}

void unpackQ1(Bytes b, BlockParts &parts) {
    setSingle(parts, 1, 0, readHalf(b));
    parts.levels = kSignLevels;
    for (int j = 0; j < parts.elements; ++j)
        parts.codes[static_cast<std::size_t>(j)] = (b[2 + j / 8] >> (j % 8)) & 1;
}

void unpackQ2(Bytes b, BlockParts &parts) {
    setSingle(parts, 2, 1, readHalf(b));
    for (int j = 0; j < parts.elements; ++j)
        parts.codes[static_cast<std::size_t>(j)] = (b[2 + j / 4] >> (2 * (j % 4))) & 3;
}

/// Scales and minima of sub-blocks from their codes, both in float32.
void setSubBlocks(BlockParts &parts, float scale, float minimum, bool hasMinima) {
    parts.superScale = scale;
    parts.superMinimum = minimum;
    parts.hasMinima = hasMinima;
    for (std::size_t s = 0; s < static_cast<std::size_t>(parts.subBlocks); ++s) {
        parts.scales[s] = scale * static_cast<float>(parts.scaleCodes[s]);
        parts.minima[s] = hasMinima ? minimum * static_cast<float>(parts.minimumCodes[s]) : 0.0f;
    }
}

/// Eight scales and eight minima of 6 bits in 12 bytes.
void readSixBitPairs(Bytes b, BlockParts &parts) {
    for (std::size_t j = 0; j < 4; ++j) {
        parts.scaleCodes[j] = b[j] & 63;
        parts.minimumCodes[j] = b[j + 4] & 63;
        parts.scaleCodes[j + 4] = narrow((b[j + 8] & 15) | (b[j] >> 6) << 4);
        parts.minimumCodes[j + 4] = narrow((b[j + 8] >> 4) | (b[j + 4] >> 6) << 4);
    }
}

void unpackQ4K(Bytes b, BlockParts &parts) {
    parts.codeBits = 4;
    parts.subBlocks = 8;
    parts.scaleCodeBits = 6;
    readSixBitPairs(b + 4, parts);
    setSubBlocks(parts, readHalf(b), readHalf(b + 2), true);
    for (int pair = 0; pair < 4; ++pair)
        readNibbles(b + 16 + 32 * pair, 32, 64 * pair, parts);
}

void unpackQ5K(Bytes b, BlockParts &parts) {
    parts.codeBits = 5;
    parts.subBlocks = 8;
    parts.scaleCodeBits = 6;
    readSixBitPairs(b + 4, parts);
    setSubBlocks(parts, readHalf(b), readHalf(b + 2), true);
    for (int pair = 0; pair < 4; ++pair)
        readNibbles(b + 48 + 32 * pair, 32, 64 * pair, parts);
    for (std::size_t part = 0; part < 8; ++part)
        for (std::size_t l = 0; l < 32; ++l)
            parts.codes[32 * part + l] |= narrow(((b[16 + l] >> part) & 1) << 4);
}

void unpackQ2K(Bytes b, BlockParts &parts) {
    parts.codeBits = 2;
    parts.subBlocks = 16;
    parts.scaleCodeBits = 4;
    for (std::size_t s = 0; s < 16; ++s) {
        parts.scaleCodes[s] = b[s] & 15;
        parts.minimumCodes[s] = b[s] >> 4;
    }
    setSubBlocks(parts, readHalf(b + 80), readHalf(b + 82), true);
    readQuarters(b + 16, parts);
}

void unpackQ3K(Bytes b, BlockParts &parts) {
    parts.codeBits = 3;
    parts.zeroPoint = 4;
    parts.subBlocks = 16;
    parts.scaleCodeBits = 6;
    for (std::size_t s = 0; s < 16; ++s) {
        const int low = s < 8 ? b[96 + s] & 15 : b[88 + s] >> 4;
        const int high = (b[104 + s % 4] >> (2 * (s / 4))) & 3;
        parts.scaleCodes[s] = narrow((low | high << 4) - 32);
    }
    setSubBlocks(parts, readHalf(b + 108), 0, false);
    readQuarters(b + 32, parts);
    for (std::size_t j = 0; j < 256; ++j)
        parts.codes[j] |= narrow(((b[j % 32] >> (j / 32)) & 1) << 2);
}

void unpackQ6K(Bytes b, BlockParts &parts) {
    parts.codeBits = 6;
    parts.zeroPoint = 32;
    parts.subBlocks = 16;
    parts.scaleCodeBits = 8;
    for (std::size_t s = 0; s < 16; ++s)
        parts.scaleCodes[s] = static_cast<std::int8_t>(b[192 + s]);
    setSubBlocks(parts, readHalf(b + 208), 0, false);
    for (int half = 0; half < 2; ++half) {
        readNibbles(b + 64 * half, 64, 128 * half, parts);
        for (int l = 0; l < 32; ++l)
            for (int part = 0; part < 4; ++part)
                parts.codes[static_cast<std::size_t>(128 * half + 32 * part + l)] |=
                    narrow(((b[128 + 32 * half + l] >> (2 * part)) & 3) << 4);
    }
}

void unpackIq4Xs(Bytes b, BlockParts &parts) {
    parts.codeBits = 4;
    parts.levels = kIq4Levels;
    parts.subBlocks = 8;
    parts.scaleCodeBits = 6;
    const int high = b[2] | b[3] << 8;
    for (int s = 0; s < 8; ++s) {
        const int low = (b[4 + s / 2] >> (4 * (s % 2))) & 15;
        parts.scaleCodes[static_cast<std::size_t>(s)] = narrow((low | ((high >> (2 * s)) & 3) << 4) - 32);
        readNibbles(b + 8 + 16 * s, 16, 32 * s, parts);
    }
    setSubBlocks(parts, readHalf(b), 0, false);
}

/// Base-3 digits, the first most significant: byte = ceil(number · 256 / 243).
void readTrits(Bytes bytes, int count, int first, int digits, BlockParts &parts) {
    for (int m = 0; m < count; ++m) {
        auto rest = bytes[m];
        for (int n = 0; n < digits; ++n) {
            parts.codes[static_cast<std::size_t>(first + n * count + m)] = narrow((rest * 3) >> 8);
            rest = static_cast<std::uint8_t>(rest * 3);
        }
    }
}

void unpackTq1(Bytes b, BlockParts &parts) {
    setSingle(parts, 2, 1, readHalf(b + 52));
    readTrits(b, 32, 0, 5, parts);
    readTrits(b + 32, 16, 160, 5, parts);
    readTrits(b + 48, 4, 240, 4, parts);
}

void unpackTq2(Bytes b, BlockParts &parts) {
    setSingle(parts, 2, 1, readHalf(b + 64));
    readQuarters(b, parts);
}

void unpackQ4(Bytes b, bool offset, BlockParts &parts) {
    setSingle(parts, 4, offset ? 0 : 8, readHalf(b));
    if (offset)
        setOffset(parts, readHalf(b + 2));
    readNibbles(b + (offset ? 4 : 2), 16, 0, parts);
}

/// \param header  bytes before the codes
void unpackQ8(Bytes b, int header, float scale, BlockParts &parts) {
    setSingle(parts, 8, 0, scale);
    readBytes(b + header, parts);
}

void unpackIq4Nl(Bytes b, BlockParts &parts) {
    setSingle(parts, 4, 0, readHalf(b));
    parts.levels = kIq4Levels;
    readNibbles(b + 2, 16, 0, parts);
}

float readFloat(Bytes bytes) {
    float value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

} // namespace

void unpackBlock(BlockType type, const std::byte *block, BlockParts &parts) {
    const auto *b = reinterpret_cast<Bytes>(block);
    parts.elements = blockFormat(type).elements;
    parts.subBlocks = 1;
    parts.scaleCodeBits = 0;
    parts.hasMinima = false;
    parts.zeroPoint = 0;
    parts.levels = {};
    parts.superScale = 1;
    parts.superMinimum = 0;
    // clang-format off
    switch (type) {
    case BlockType::Q4_0: return unpackQ4(b, false, parts);
    case BlockType::Q4_1: return unpackQ4(b, true, parts);
    case BlockType::Q5_0: return unpackQ5(b, false, parts);
    case BlockType::Q5_1: return unpackQ5(b, true, parts);
    case BlockType::Q8_0: return unpackQ8(b, 2, readHalf(b), parts);
    case BlockType::Q8_1: return unpackQ8(b, 4, readHalf(b), parts); // bytes 2 and 3: scale · sum of codes
    case BlockType::Q8_K: return unpackQ8(b, 4, readFloat(b), parts); // sums of 16 codes lie behind the codes
    case BlockType::Q2_K: return unpackQ2K(b, parts);
    case BlockType::Q3_K: return unpackQ3K(b, parts);
    case BlockType::Q4_K: return unpackQ4K(b, parts);
    case BlockType::Q5_K: return unpackQ5K(b, parts);
    case BlockType::Q6_K: return unpackQ6K(b, parts);
    case BlockType::IQ4_NL: return unpackIq4Nl(b, parts);
    case BlockType::IQ4_XS: return unpackIq4Xs(b, parts);
    case BlockType::TQ1_0: return unpackTq1(b, parts);
    case BlockType::TQ2_0: return unpackTq2(b, parts);
    case BlockType::MXFP4: return unpackMxfp4(b, parts);
    case BlockType::NVFP4: return unpackNvfp4(b, parts);
    case BlockType::Q1_0: return unpackQ1(b, parts);
    case BlockType::Q2_0: return unpackQ2(b, parts);
    case BlockType::IQ2_XXS: case BlockType::IQ2_XS: case BlockType::IQ2_S: case BlockType::IQ3_XXS:
    case BlockType::IQ3_S: case BlockType::IQ1_S: case BlockType::IQ1_M: break;
    }
    // clang-format on
    QS_CHECK(false, "callers ask BlockFormat::decodable first");
}

} // namespace qs
