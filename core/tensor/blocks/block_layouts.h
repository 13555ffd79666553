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

/// Rounds to float16 and back: what a reader of the block will see.
inline float writeHalf(std::uint8_t *bytes, float value) {
    const std::uint16_t half = floatToFloat16(value);
    bytes[0] = static_cast<std::uint8_t>(half & 0xFF);
    bytes[1] = static_cast<std::uint8_t>(half >> 8);
    return float16ToFloat(half);
}

inline void writeWord(std::uint8_t *bytes, std::uint32_t word) {
    for (int i = 0; i < 4; ++i)
        bytes[i] = static_cast<std::uint8_t>(word >> (8 * i));
}

/// Byte j holds the low halves of codes j and j + 16.
inline void writeNibbles(const std::array<int, 32> &codes, std::uint8_t *bytes) {
    for (std::size_t j = 0; j < 16; ++j)
        bytes[j] = static_cast<std::uint8_t>((codes[j] & 15) | (codes[j + 16] & 15) << 4);
}

inline std::uint32_t fifthBits(const std::array<int, 32> &codes) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 32; ++j)
        bits |= static_cast<std::uint32_t>((codes[j] >> 4) & 1) << j;
    return bits;
}

} // namespace qs
