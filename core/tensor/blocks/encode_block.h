#pragma once

#include <cstdint>
#include <span>

namespace qs {

/// Writes one block, to the bit as ggml does without an importance matrix. \source file_formats 13
/// \param values  a block of finite values  \param block  room for its bytes
using BlockEncoder = void (*)(std::span<const float> values, std::uint8_t *block);

// Blocks with one scale (encode_simple.cpp).
void encodeQ4_0(std::span<const float> values, std::uint8_t *block);
void encodeQ4_1(std::span<const float> values, std::uint8_t *block);
void encodeQ5_0(std::span<const float> values, std::uint8_t *block);
void encodeQ5_1(std::span<const float> values, std::uint8_t *block);
void encodeQ8_0(std::span<const float> values, std::uint8_t *block);
void encodeMXFP4(std::span<const float> values, std::uint8_t *block);
void encodeIQ4_NL(std::span<const float> values, std::uint8_t *block);
void encodeTQ1_0(std::span<const float> values, std::uint8_t *block);
void encodeTQ2_0(std::span<const float> values, std::uint8_t *block);
void encodeQ1_0(std::span<const float> values, std::uint8_t *block);
void encodeQ2_0(std::span<const float> values, std::uint8_t *block);
// Blocks of sub-blocks with quantized scales (encode_super.cpp).
void encodeQ2_K(std::span<const float> values, std::uint8_t *block);
void encodeQ3_K(std::span<const float> values, std::uint8_t *block);
void encodeQ4_K(std::span<const float> values, std::uint8_t *block);
void encodeQ5_K(std::span<const float> values, std::uint8_t *block);
void encodeQ6_K(std::span<const float> values, std::uint8_t *block);
void encodeIQ4_XS(std::span<const float> values, std::uint8_t *block);

} // namespace qs
