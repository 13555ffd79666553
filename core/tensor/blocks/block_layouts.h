#pragma once

#include "core/tensor/convert.h"

#include <array>
#include <cstdint>
#include <cstring>

/// Layouts that readers and writers of blocks share.
namespace qs {

using Bytes = const std::uint8_t *;

inline constexpr std::array<std::int8_t, 16> kIq4Levels{-127, -104, -83, -65, -49, -35, -22, -10,
                                                        1,    13,   25,  38,  53,  69,  89,  113};
/// Doubled E2M1, so that all are integers.
inline constexpr std::array<std::int8_t, 16> kE2M1Doubled{0, 1,  2,  3,  4,  6,  8,  12,
                                                          0, -1, -2, -3, -4, -6, -8, -12};
inline constexpr std::array<std::int8_t, 2> kSignLevels{-1, 1};

inline float readHalf(Bytes bytes) {
    return float16ToFloat(static_cast<std::uint16_t>(bytes[0] | bytes[1] << 8));
}

inline std::uint32_t readWord(Bytes bytes) {
    return std::uint32_t{bytes[0]} | std::uint32_t{bytes[1]} << 8 | std::uint32_t{bytes[2]} << 16 |
           std::uint32_t{bytes[3]} << 24;
}

inline void writeHalf(std::uint8_t *bytes, float value) {
    const std::uint16_t half = floatToFloat16(value);
    bytes[0] = static_cast<std::uint8_t>(half & 0xFF);
    bytes[1] = static_cast<std::uint8_t>(half >> 8);
}

/// \return what a reader of the block will see
inline float writeAndReadHalf(std::uint8_t *bytes, float value) {
    writeHalf(bytes, value);
    return readHalf(bytes);
}

inline void writeWord(std::uint8_t *bytes, std::uint32_t word) {
    for (int i = 0; i < 4; ++i)
        bytes[i] = static_cast<std::uint8_t>(word >> (8 * i));
}

/// Byte j holds the low halves of codes j and j + 16, of 32.
inline void writeNibbles(Bytes codes, std::uint8_t *bytes) {
    std::uint64_t words[4]; // of eight codes
    std::memcpy(words, codes, sizeof words);
    constexpr std::uint64_t kLow = 0x0F0F0F0F0F0F0F0F;
    for (std::size_t i = 0; i < 2; ++i)
        words[i] = (words[i] & kLow) | (words[i + 2] & kLow) << 4;
    std::memcpy(bytes, words, 16);
}

/// Bit j is bit 4 of code j, of 32.
inline std::uint32_t fifthBits(Bytes codes) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        std::uint64_t word; // of eight codes; the product brings bit 4 of byte k to bit 56 + k
        std::memcpy(&word, codes + 8 * i, sizeof word);
        word = (word >> 4 & 0x0101010101010101) * 0x0102040810204080;
        bits |= static_cast<std::uint32_t>(word >> 56) << (8 * i);
    }
    return bits;
}

/// The low two bits of 256 codes, four elements 32 apart in a byte.
inline void writeQuarters(Bytes codes, std::uint8_t *bytes) {
    for (std::size_t m = 0; m < 64; ++m) {
        const Bytes code = codes + 128 * (m / 32) + m % 32;
        bytes[m] = static_cast<std::uint8_t>((code[0] & 3) | (code[32] & 3) << 2 | (code[64] & 3) << 4 |
                                             (code[96] & 3) << 6);
    }
}

inline float inverseOf(float scale) {
    return scale != 0 ? 1 / scale : 0.0f;
}

} // namespace qs
