#include "core/tensor/blocks/block_layouts.h"
#include "core/tensor/blocks/encode_block.h"
#include "core/tensor/blocks/scale_search.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

using Block = std::span<const float, 32>;
using Codes = std::uint8_t[32];

/// Codes around the middle of 2·half: the element of largest magnitude takes the code 0.
void symmetricCodes(Block x, int half, std::uint8_t *scale, Codes &codes) {
    const float d = largestSigned(x) / static_cast<float>(-half), inverse = inverseOf(d);
#pragma GCC unroll 4
    for (std::size_t j = 0; j < 32; j += kLanes) {
        const Lanes shifted = loadLanes(x.data() + j) * inverse + (static_cast<float>(half) + 0.5f);
        storeBytes(clampInts(__builtin_convertvector(shifted, LaneInts), INT32_MIN, 2 * half - 1), codes + j);
    }
    writeHalf(scale, d);
}

/// The first of the smallest and the first of the largest: zeros have signs.
std::pair<float, float> rangeOf(Block x) {
    Lanes least = loadLanes(x.data()), most = least;
#pragma GCC unroll 4
    for (std::size_t j = kLanes; j < 32; j += kLanes) {
        const Lanes values = loadLanes(x.data() + j);
        least = values < least ? values : least;
        most = values > most ? values : most;
    }
    float low = leastOf(least), high = largestOf(most);
    const auto firstZero = [x] { return *std::find(x.begin(), x.end(), 0.0f); };
    return {low != 0 ? low : firstZero(), high != 0 ? high : firstZero()};
}

/// Codes from the minimum up. \param scale  room for scale and minimum
void offsetCodes(Block x, int highest, std::uint8_t *scale, Codes &codes) {
    const auto [low, high] = rangeOf(x);
    const float d = (high - low) / static_cast<float>(highest), inverse = inverseOf(d);
#pragma GCC unroll 4
    for (std::size_t j = 0; j < 32; j += kLanes) {
        const Lanes shifted = (loadLanes(x.data() + j) - low) * inverse + 0.5f;
        storeBytes(clampInts(__builtin_convertvector(shifted, LaneInts), INT32_MIN, highest), codes + j);
    }
    writeHalf(scale, d);
    writeHalf(scale + 2, low);
}

/// The nearest of the sixteen values of E2M1 times a step, the first of equally near ones.
LaneInts nearestE2M1(Lanes x, float step) {
    Lanes least = magnitude(x); // of the code 0
    LaneInts best{};
    for (std::size_t q = 1; q < 16; ++q) {
        const Lanes error = magnitude(static_cast<float>(kE2M1Doubled[q]) * step - x);
        const LaneInts nearer = error < least;
        least = nearer ? error : least;
        best = nearer ? LaneInts{} + static_cast<int>(q) : best;
    }
    return best;
}

/// kLanes blocks at once, or as many as are left; the last one stands in for those that are not there.
void encodeSomeIQ4_NL(std::span<const float> x, std::uint8_t *blocks) {
    const std::size_t count = x.size() / 32;
    float padded[32 * kLanes];
    std::copy(x.begin(), x.end(), padded);
    for (std::size_t b = count; b < kLanes; ++b)
        std::copy_n(x.data() + 32 * (count - 1), 32, padded + 32 * b);
    Lanes values[32];
    gatherLanes(padded, 32, values);
    float scales[kLanes];
    searchCodebook(values, scales);
    for (std::size_t b = 0; b < count; ++b, blocks += 18) {
        const float inverse = inverseOf(scales[b]);
        Codes codes;
        for (std::size_t j = 0; j < 32; j += kLanes)
            storeBytes(nearestLevels(inverse * loadLanes(padded + 32 * b + j)), codes + j);
        writeHalf(blocks, scales[b]);
        writeNibbles(codes, blocks + 2);
    }
}

} // namespace

void encodeQ4_0(std::span<const float> values, std::uint8_t *blocks) {
    forEachBlock<32, 18>(values, blocks, [](Block x, std::uint8_t *block) {
        Codes codes;
        symmetricCodes(x, 8, block, codes);
        writeNibbles(codes, block + 2);
    });
}

void encodeQ4_1(std::span<const float> values, std::uint8_t *blocks) {
    forEachBlock<32, 20>(values, blocks, [](Block x, std::uint8_t *block) {
        Codes codes;
        offsetCodes(x, 15, block, codes);
        writeNibbles(codes, block + 4);
    });
}

void encodeQ5_0(std::span<const float> values, std::uint8_t *blocks) {
    forEachBlock<32, 22>(values, blocks, [](Block x, std::uint8_t *block) {
        Codes codes;
        symmetricCodes(x, 16, block, codes);
        writeWord(block + 2, fifthBits(codes));
        writeNibbles(codes, block + 6);
    });
}

void encodeQ5_1(std::span<const float> values, std::uint8_t *blocks) {
    forEachBlock<32, 24>(values, blocks, [](Block x, std::uint8_t *block) {
        Codes codes;
        offsetCodes(x, 31, block, codes);
        writeWord(block + 4, fifthBits(codes));
        writeNibbles(codes, block + 8);
    });
}

void encodeQ8_0(std::span<const float> values, std::uint8_t *blocks) {
    forEachBlock<32, 34>(values, blocks, [](Block x, std::uint8_t *block) {
        const float d = std::fabs(largestSigned(x)) / 127, inverse = inverseOf(d);
        writeHalf(block, d);
        for (std::size_t j = 0; j < 32; j += kLanes)
            storeBytes(roundAway(loadLanes(x.data() + j) * inverse), block + 2 + j);
    });
}

void encodeMXFP4(std::span<const float> values, std::uint8_t *blocks) {
    forEachBlock<32, 17>(values, blocks, [](Block x, std::uint8_t *block) {
        const float amax = std::fabs(largestSigned(x));
        // ggml lets the byte wrap where the exponent of a magnitude below 2^-125 is negative.
        const int exponent =
            amax > 0 ? std::clamp(static_cast<int>(std::floor(std::log2(amax))) - 2 + 127, 0, 254) : 0;
        const float step = std::ldexp(1.0f, exponent - 128);
        Codes codes;
        for (std::size_t j = 0; j < 32; j += kLanes)
            storeBytes(nearestE2M1(loadLanes(x.data() + j), step), codes + j);
        block[0] = static_cast<std::uint8_t>(exponent);
        writeNibbles(codes, block + 1);
    });
}

void encodeIQ4_NL(std::span<const float> values, std::uint8_t *blocks) {
    constexpr std::size_t kAtOnce = 32 * kLanes;
    for (std::size_t begin = 0; begin < values.size(); begin += kAtOnce, blocks += 18 * kLanes)
        encodeSomeIQ4_NL(values.subspan(begin, std::min(kAtOnce, values.size() - begin)), blocks);
}

void encodeQ1_0(std::span<const float> values, std::uint8_t *blocks) {
    forEachBlock<128, 18>(values, blocks, [](std::span<const float, 128> x, std::uint8_t *block) {
        float sum = 0;
        for (const float value : x)
            sum += std::fabs(value);
        writeHalf(block, sum / static_cast<float>(x.size()));
        std::fill_n(block + 2, 16, std::uint8_t{0});
        for (std::size_t j = 0; j < x.size(); ++j)
            block[2 + j / 8] |= static_cast<std::uint8_t>((x[j] >= 0 ? 1 : 0) << (j % 8));
    });
}

} // namespace qs
