#include "core/tensor/blocks/block_layouts.h"
#include "core/tensor/blocks/encode_block.h"
#include "core/tensor/blocks/scale_search.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

/// Codes 0, 1, 2 for −1, 0, 1 times the largest magnitude.
template <std::size_t Count>
void ternaryCodes(std::span<const float, Count> x, std::uint8_t *scale, std::uint8_t *codes) {
    const float d = std::fabs(largestSigned(x)), inverse = inverseOf(d);
    for (std::size_t j = 0; j < Count; j += kLanes)
        storeBytes(roundAway(loadLanes(x.data() + j) * inverse) + 1, codes + j);
    writeHalf(scale, d);
}

/// Base-3 numbers, the first digit most significant, as fractions of 256.
template <int Count, int Digits>
void writeTrits(const std::uint8_t *codes, std::uint8_t *bytes) {
    for (int m = 0; m < Count; ++m) {
        int number = 0;
        for (int n = 0; n < 5; ++n)
            number = 3 * number + (n < Digits ? codes[n * Count + m] : 0);
        bytes[m] = static_cast<std::uint8_t>((number * 256 + 242) / 243);
    }
}

} // namespace

void encodeTQ1_0(std::span<const float> values, std::uint8_t *blocks) {
    forEachBlock<256, 54>(values, blocks, [](auto x, std::uint8_t *block) {
        std::uint8_t codes[256];
        ternaryCodes(x, block + 52, codes);
        writeTrits<32, 5>(codes, block);
        writeTrits<16, 5>(codes + 160, block + 32);
        writeTrits<4, 4>(codes + 240, block + 48);
    });
}

void encodeTQ2_0(std::span<const float> values, std::uint8_t *blocks) {
    forEachBlock<256, 66>(values, blocks, [](auto x, std::uint8_t *block) {
        std::uint8_t codes[256];
        ternaryCodes(x, block + 64, codes);
        writeQuarters(codes, block);
    });
}

void encodeQ2_0(std::span<const float> values, std::uint8_t *blocks) {
    forEachBlock<64, 18>(values, blocks, [](auto x, std::uint8_t *block) {
        std::uint8_t codes[64];
        ternaryCodes(x, block, codes);
        // Magnitudes below 2^-128 have no inverse; ggml then takes the lowest code here, the middle one
        // above.
        if (std::isinf(inverseOf(std::fabs(largestSigned(x)))))
            std::fill_n(codes, 64, std::uint8_t{0});
        for (std::size_t j = 0; j < 16; ++j)
            block[2 + j] = static_cast<std::uint8_t>(codes[4 * j] | codes[4 * j + 1] << 2 |
                                                     codes[4 * j + 2] << 4 | codes[4 * j + 3] << 6);
    });
}

} // namespace qs
