#include "core/tensor/blocks/block_layouts.h"
#include "core/tensor/blocks/encode_block.h"
#include "core/tensor/blocks/scale_search.h"

#include <cmath>

namespace qs {
namespace {

using Values = std::span<const float>;

float inverseOf(float scale) {
    return scale != 0 ? 1 / scale : 0.0f;
}

std::uint8_t byte(int value) {
    return static_cast<std::uint8_t>(value);
}

/// Codes around the middle of 2·half: the element of largest magnitude takes the code 0.
std::array<int, 32> symmetricCodes(Values x, int half, std::uint8_t *scale) {
    const float d = largestSigned(x) / static_cast<float>(-half), inverse = inverseOf(d);
    std::array<int, 32> codes;
    for (std::size_t j = 0; j < 32; ++j)
        codes[j] =
            std::min(2 * half - 1, static_cast<int>(x[j] * inverse + (static_cast<float>(half) + 0.5f)));
    writeHalf(scale, d);
    return codes;
}

/// Codes from the minimum up. \param scale  room for scale and minimum
std::array<int, 32> offsetCodes(Values x, int highest, std::uint8_t *scale) {
    float low = x[0], high = x[0];
    for (const float value : x) {
        low = std::min(low, value);
        high = std::max(high, value);
    }
    const float d = (high - low) / static_cast<float>(highest), inverse = inverseOf(d);
    std::array<int, 32> codes;
    for (std::size_t j = 0; j < 32; ++j)
        codes[j] = std::min(highest, static_cast<int>((x[j] - low) * inverse + 0.5f));
    writeHalf(scale, d);
    writeHalf(scale + 2, low);
    return codes;
}

/// Codes 0, 1, 2 for −1, 0, 1 times the largest magnitude.
void ternaryCodes(Values x, std::uint8_t *scale, std::uint8_t *codes) {
    const float d = std::fabs(largestSigned(x)), inverse = inverseOf(d);
    for (std::size_t j = 0; j < x.size(); ++j)
        codes[j] = byte(static_cast<int>(std::round(x[j] * inverse)) + 1);
    writeHalf(scale, d);
}

/// Base-3 numbers, the first digit most significant, as fractions of 256.
void writeTrits(const std::uint8_t *codes, int count, int digits, std::uint8_t *bytes) {
    for (int m = 0; m < count; ++m) {
        int number = 0;
        for (int n = 0; n < 5; ++n)
            number = 3 * number + (n < digits ? codes[n * count + m] : 0);
        bytes[m] = byte((number * 256 + 242) / 243);
    }
}

} // namespace

void encodeQ4_0(Values x, std::uint8_t *block) {
    writeNibbles(symmetricCodes(x, 8, block), block + 2);
}

void encodeQ4_1(Values x, std::uint8_t *block) {
    writeNibbles(offsetCodes(x, 15, block), block + 4);
}

void encodeQ5_0(Values x, std::uint8_t *block) {
    const auto codes = symmetricCodes(x, 16, block);
    writeWord(block + 2, fifthBits(codes));
    writeNibbles(codes, block + 6);
}

void encodeQ5_1(Values x, std::uint8_t *block) {
    const auto codes = offsetCodes(x, 31, block);
    writeWord(block + 4, fifthBits(codes));
    writeNibbles(codes, block + 8);
}

void encodeQ8_0(Values x, std::uint8_t *block) {
    const float d = std::fabs(largestSigned(x)) / 127, inverse = inverseOf(d);
    writeHalf(block, d);
    for (std::size_t j = 0; j < x.size(); ++j)
        block[2 + j] = byte(static_cast<int>(std::round(x[j] * inverse)));
}

void encodeMXFP4(Values x, std::uint8_t *block) {
    const float amax = std::fabs(largestSigned(x));
    // ggml lets the byte wrap where the exponent of a magnitude below 2^-125 is negative.
    const int exponent =
        amax > 0 ? std::clamp(static_cast<int>(std::floor(std::log2(amax))) - 2 + 127, 0, 254) : 0;
    const float step = std::ldexp(1.0f, exponent - 128);
    std::array<int, 32> codes;
    for (std::size_t j = 0; j < 32; ++j) {
        int best = 0;
        float least = std::fabs(x[j]);
        for (std::size_t q = 1; q < 16; ++q)
            if (const float error = std::fabs(static_cast<float>(kE2M1Doubled[q]) * step - x[j]);
                error < least) {
                least = error;
                best = static_cast<int>(q);
            }
        codes[j] = best;
    }
    block[0] = byte(exponent);
    writeNibbles(codes, block + 1);
}

void encodeIQ4_NL(Values x, std::uint8_t *block) {
    const float d = searchCodebook(x, kIq4Levels), inverse = inverseOf(d);
    std::array<int, 32> codes;
    for (std::size_t j = 0; j < 32; ++j)
        codes[j] = nearestLevel(kIq4Levels, inverse * x[j]);
    writeHalf(block, d);
    writeNibbles(codes, block + 2);
}

void encodeTQ1_0(Values x, std::uint8_t *block) {
    std::array<std::uint8_t, 256> codes;
    ternaryCodes(x, block + 52, codes.data());
    writeTrits(codes.data(), 32, 5, block);
    writeTrits(codes.data() + 160, 16, 5, block + 32);
    writeTrits(codes.data() + 240, 4, 4, block + 48);
}

void encodeTQ2_0(Values x, std::uint8_t *block) {
    std::array<std::uint8_t, 256> codes;
    ternaryCodes(x, block + 64, codes.data());
    for (std::size_t m = 0; m < 64; ++m) {
        const std::uint8_t *code = codes.data() + 128 * (m / 32) + m % 32;
        block[m] = byte(code[0] | code[32] << 2 | code[64] << 4 | code[96] << 6);
    }
}

void encodeQ1_0(Values x, std::uint8_t *block) {
    float sum = 0;
    for (const float value : x)
        sum += std::fabs(value);
    writeHalf(block, sum / static_cast<float>(x.size()));
    std::fill_n(block + 2, 16, std::uint8_t{0});
    for (std::size_t j = 0; j < x.size(); ++j)
        block[2 + j / 8] |= byte((x[j] >= 0 ? 1 : 0) << (j % 8));
}

void encodeQ2_0(Values x, std::uint8_t *block) {
    std::array<std::uint8_t, 64> codes;
    ternaryCodes(x, block, codes.data());
    for (std::size_t j = 0; j < 16; ++j)
        block[2 + j] =
            byte(codes[4 * j] | codes[4 * j + 1] << 2 | codes[4 * j + 2] << 4 | codes[4 * j + 3] << 6);
}

} // namespace qs
