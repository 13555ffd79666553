#pragma once

#include <cstdint>
#include <span>

namespace qs {

/// Writes whole blocks one after the other, to the bit as ggml does without an importance matrix. Several at
/// once are faster. \source file_formats 13
/// \param values  of whole blocks, finite  \param blocks  room for their bytes
using BlockEncoder = void (*)(std::span<const float> values, std::uint8_t *blocks);

// Blocks with one scale (encode_simple.cpp).
void encodeQ4_0(std::span<const float> values, std::uint8_t *blocks);
void encodeQ4_1(std::span<const float> values, std::uint8_t *blocks);
void encodeQ5_0(std::span<const float> values, std::uint8_t *blocks);
void encodeQ5_1(std::span<const float> values, std::uint8_t *blocks);
void encodeQ8_0(std::span<const float> values, std::uint8_t *blocks);
void encodeMXFP4(std::span<const float> values, std::uint8_t *blocks);
void encodeIQ4_NL(std::span<const float> values, std::uint8_t *blocks);
void encodeQ1_0(std::span<const float> values, std::uint8_t *blocks);
// Those with three levels (encode_ternary.cpp).
void encodeTQ1_0(std::span<const float> values, std::uint8_t *blocks);
void encodeTQ2_0(std::span<const float> values, std::uint8_t *blocks);
void encodeQ2_0(std::span<const float> values, std::uint8_t *blocks);
// Blocks of sub-blocks with quantized scales (encode_super.cpp).
void encodeQ2_K(std::span<const float> values, std::uint8_t *blocks);
void encodeQ3_K(std::span<const float> values, std::uint8_t *blocks);
void encodeQ4_K(std::span<const float> values, std::uint8_t *blocks);
void encodeQ5_K(std::span<const float> values, std::uint8_t *blocks);
void encodeQ6_K(std::span<const float> values, std::uint8_t *blocks);
void encodeIQ4_XS(std::span<const float> values, std::uint8_t *blocks);

/// Calls encode(values of a block, its bytes) for one after the other.
template <std::size_t Elements, std::size_t Bytes, typename Encode>
void forEachBlock(std::span<const float> values, std::uint8_t *blocks, Encode encode) {
    for (std::size_t begin = 0; begin < values.size(); begin += Elements, blocks += Bytes)
        encode(values.subspan(begin).first<Elements>(), blocks);
}

} // namespace qs
