#include "core/tensor/blocks/block_layouts.h"
#include "core/tensor/blocks/encode_block.h"
#include "core/tensor/blocks/scale_search.h"

#include <cmath>

namespace qs {
namespace {

using Values = std::span<const float>;

std::uint8_t byte(int value) {
    return static_cast<std::uint8_t>(value);
}

/// A super-block while it is made: codes of its elements, scales and minima of its sub-blocks.
template <std::size_t SubBlocks>
struct Draft {
    static constexpr std::size_t kLength = 256 / SubBlocks;
    std::array<std::uint8_t, 256> codes;
    std::array<float, SubBlocks> scales, minima;
    std::array<int, SubBlocks> scaleCodes, minimumCodes;

    static Values part(Values x, std::size_t s) { return x.subspan(s * kLength, kLength); }
    std::uint8_t *codesOf(std::size_t s) { return codes.data() + s * kLength; }
};

template <std::size_t SubBlocks>
void searchMinima(Values x, const MinimumSearch &search, bool meanMagnitude, Draft<SubBlocks> &draft) {
    constexpr std::size_t kLength = Draft<SubBlocks>::kLength;
    for (std::size_t s = 0; s < SubBlocks; s += kLanes) {
        Lanes values[kLength], weights[kLength], squares{};
        gatherLanes(x.data() + s * kLength, kLength, values);
        for (const Lanes value : values)
            squares += value * value;
        Lanes base{};
        for (std::size_t l = 0; l < kLanes && meanMagnitude; ++l)
            base[l] = std::sqrt(squares[l] / static_cast<float>(kLength));
        for (std::size_t i = 0; i < kLength; ++i)
            weights[i] = base + magnitude(values[i]);
        LaneInts codes[kLength];
        ScaleMinima found;
        searchMinimum(values, weights, search, codes, found);
        scatterBytes(codes, kLength, draft.codesOf(s));
        std::copy_n(found.scales, kLanes, draft.scales.data() + s);
        std::copy_n(found.minima, kLanes, draft.minima.data() + s);
    }
}

/// Scales and codes of 16 sub-blocks around zero. \param search  searchSymmetric or refineSymmetric
void searchScales(Values x, int half, auto search, Draft<16> &draft) {
    for (std::size_t s = 0; s < 16; s += kLanes) {
        Lanes values[16];
        gatherLanes(x.data() + s * 16, 16, values);
        LaneInts codes[16];
        float scales[kLanes];
        search(values, half, codes, scales);
        scatterBytes(codes, 16, draft.codesOf(s));
        std::copy_n(scales, kLanes, draft.scales.data() + s);
    }
}

/// Codes 0..highest of numbers that are not negative; the step between them is largest / highest.
template <std::size_t SubBlocks>
float codesOfScales(const std::array<float, SubBlocks> &scales, int highest,
                    std::array<int, SubBlocks> &codes) {
    float largest = 0;
    for (const float scale : scales)
        largest = std::max(largest, scale);
    const float inverse = largest > 0 ? static_cast<float>(highest) / largest : 0.0f;
    for (std::size_t s = 0; s < SubBlocks; ++s)
        codes[s] = std::min(highest, nearestInt(inverse * scales[s]));
    return largest / static_cast<float>(highest);
}

/// Codes again, for scales and minima as they are stored.
template <std::size_t SubBlocks>
void recodeMinima(Values x, float d, float dmin, int highest, Draft<SubBlocks> &draft) {
    for (std::size_t s = 0; s < SubBlocks; ++s) {
        const float scale = d * static_cast<float>(draft.scaleCodes[s]);
        if (scale == 0)
            continue;
        const float minimum = dmin * static_cast<float>(draft.minimumCodes[s]);
        const float *part = Draft<SubBlocks>::part(x, s).data();
        for (std::size_t i = 0; i < Draft<SubBlocks>::kLength; i += kLanes)
            storeBytes(clampInts(nearestInts((loadLanes(part + i) + minimum) / scale), 0, highest),
                       draft.codesOf(s) + i);
    }
}

/// The same around zero, with codes from 0 to 2·half − 1.
template <std::size_t SubBlocks>
void recodeSymmetric(Values x, float d, int half, Draft<SubBlocks> &draft) {
    for (std::size_t s = 0; s < SubBlocks; ++s) {
        const float scale = d * static_cast<float>(draft.scaleCodes[s]);
        if (scale == 0)
            continue;
        const float *part = Draft<SubBlocks>::part(x, s).data();
        for (std::size_t i = 0; i < Draft<SubBlocks>::kLength; i += kLanes)
            storeBytes(half + clampInts(nearestInts(loadLanes(part + i) / scale), -half, half - 1),
                       draft.codesOf(s) + i);
    }
}

void writeSixBitPairs(const Draft<8> &draft, std::uint8_t *bytes) {
    const auto &sc = draft.scaleCodes, &mn = draft.minimumCodes;
    for (std::size_t j = 0; j < 4; ++j) {
        bytes[j] = byte(sc[j] | (sc[j + 4] >> 4) << 6);
        bytes[j + 4] = byte(mn[j] | (mn[j + 4] >> 4) << 6);
        bytes[j + 8] = byte((sc[j + 4] & 15) | (mn[j + 4] & 15) << 4);
    }
}

/// Scales, minima and codes of Q4_K and Q5_K, and the low nibbles. \param nibbles  room for 128 bytes
void encodePairs(Values x, const MinimumSearch &search, Draft<8> &draft, std::uint8_t *block,
                 std::uint8_t *nibbles) {
    searchMinima(x, search, true, draft);
    const float d = writeAndReadHalf(block, codesOfScales(draft.scales, 63, draft.scaleCodes));
    const float dmin = writeAndReadHalf(block + 2, codesOfScales(draft.minima, 63, draft.minimumCodes));
    writeSixBitPairs(draft, block + 4);
    recodeMinima(x, d, dmin, search.highest, draft);
    for (std::size_t m = 0; m < 128; ++m) {
        const std::uint8_t *code = draft.codes.data() + 64 * (m / 32) + m % 32;
        nibbles[m] = byte((code[0] & 15) | (code[32] & 15) << 4);
    }
}

template <std::size_t SubBlocks>
float largestScale(const Draft<SubBlocks> &draft) {
    return largestSigned(draft.scales);
}

void writeThreeBitScales(const std::array<int, 16> &codes, std::uint8_t *bytes) {
    std::fill_n(bytes, 12, std::uint8_t{0});
    for (std::size_t j = 0; j < 16; ++j) {
        const int code = codes[j] + 32;
        bytes[j % 8] |= byte((code & 15) << (j < 8 ? 0 : 4));
        bytes[8 + j % 4] |= byte((code >> 4) << (2 * (j / 4)));
    }
}

void superQ4_K(Values x, std::uint8_t *block) {
    Draft<8> draft;
    encodePairs(x, {15, -1, 0.1f, 20, false}, draft, block, block + 16);
}

void superQ5_K(Values x, std::uint8_t *block) {
    Draft<8> draft;
    encodePairs(x, {31, -0.5f, 0.1f, 15, false}, draft, block, block + 48);
    for (std::size_t l = 0; l < 32; ++l) {
        int bits = 0;
        for (std::size_t part = 0; part < 8; ++part)
            bits |= (draft.codes[32 * part + l] >> 4) << part;
        block[16 + l] = byte(bits);
    }
}

void superQ2_K(Values x, std::uint8_t *block) {
    Draft<16> draft;
    searchMinima(x, {3, -0.5f, 0.1f, 15, true}, false, draft);
    const float d = writeAndReadHalf(block + 80, codesOfScales(draft.scales, 15, draft.scaleCodes));
    const float dmin = writeAndReadHalf(block + 82, codesOfScales(draft.minima, 15, draft.minimumCodes));
    for (std::size_t s = 0; s < 16; ++s)
        block[s] = byte(draft.scaleCodes[s] | draft.minimumCodes[s] << 4);
    recodeMinima(x, d, dmin, 3, draft);
    writeQuarters(draft.codes.data(), block + 16);
}

void superQ3_K(Values x, std::uint8_t *block) {
    Draft<16> draft;
    searchScales(x, 4, refineSymmetric, draft);
    const float largest = largestScale(draft);
    const float inverse = largest != 0 ? -32 / largest : 0.0f;
    for (std::size_t s = 0; s < 16; ++s) // without any scale all codes stay at their lowest
        draft.scaleCodes[s] = largest != 0 ? std::clamp(nearestInt(inverse * draft.scales[s]), -32, 31) : -32;
    writeThreeBitScales(draft.scaleCodes, block + 96);
    recodeSymmetric(x, writeAndReadHalf(block + 108, largest != 0 ? 1 / inverse : 0.0f), 4, draft);
    writeQuarters(draft.codes.data(), block + 32);
    for (std::size_t m = 0; m < 32; ++m) {
        int bits = 0;
        for (std::size_t part = 0; part < 8; ++part)
            bits |= (draft.codes[32 * part + m] >> 2) << part;
        block[m] = byte(bits);
    }
}

void superQ6_K(Values x, std::uint8_t *block) {
    Draft<16> draft;
    searchScales(x, 32, searchSymmetric, draft);
    const float largest = largestScale(draft);
    if (std::fabs(largest) < kSmallestMagnitude) {
        std::fill_n(block, 210, std::uint8_t{0});
        return;
    }
    const float inverse = -128 / largest;
    for (std::size_t s = 0; s < 16; ++s) {
        draft.scaleCodes[s] = std::min(127, nearestInt(inverse * draft.scales[s]));
        block[192 + s] = byte(draft.scaleCodes[s]);
    }
    recodeSymmetric(x, writeAndReadHalf(block + 208, 1 / inverse), 32, draft);
    for (std::size_t half = 0; half < 2; ++half)
        for (std::size_t l = 0; l < 32; ++l) {
            const std::uint8_t *code = draft.codes.data() + 128 * half + l;
            block[64 * half + l] = byte((code[0] & 15) | (code[64] & 15) << 4);
            block[64 * half + 32 + l] = byte((code[32] & 15) | (code[96] & 15) << 4);
            block[128 + 32 * half + l] =
                byte(code[0] >> 4 | (code[32] >> 4) << 2 | (code[64] >> 4) << 4 | (code[96] >> 4) << 6);
        }
}

void superIQ4_XS(Values x, std::uint8_t *block) {
    Draft<8> draft;
    for (std::size_t s = 0; s < 8; s += kLanes) {
        Lanes values[32];
        gatherLanes(x.data() + 32 * s, 32, values);
        float scales[kLanes];
        searchCodebook(values, scales);
        std::copy_n(scales, kLanes, draft.scales.data() + s);
    }
    const float d = -largestScale(draft) / 32, inverse = d != 0 ? 1 / d : 0.0f;
    writeHalf(block, d);
    std::fill_n(block + 2, 6, std::uint8_t{0});
    for (std::size_t s = 0; s < 8; ++s) {
        const int scale = std::clamp(nearestInt(inverse * draft.scales[s]), -32, 31);
        // The codes follow the scale before it is rounded to float16.
        const float step = d * static_cast<float>(scale), inverseStep = step != 0 ? 1 / step : 0.0f;
        for (std::size_t i = 0; i < 32; i += kLanes)
            storeBytes(nearestLevels(inverseStep * loadLanes(draft.part(x, s).data() + i)),
                       draft.codesOf(s) + i);
        block[4 + s / 2] |= byte(((scale + 32) & 15) << (4 * (s % 2)));
        block[2 + s / 4] |= byte(((scale + 32) >> 4) << (2 * (s % 4)));
        for (std::size_t k = 0; k < 16; ++k)
            block[8 + 16 * s + k] = byte(draft.codesOf(s)[k] | draft.codesOf(s)[k + 16] << 4);
    }
}

} // namespace

void encodeQ2_K(Values values, std::uint8_t *blocks) {
    forEachBlock<256, 84>(values, blocks, superQ2_K);
}

void encodeQ3_K(Values values, std::uint8_t *blocks) {
    forEachBlock<256, 110>(values, blocks, superQ3_K);
}

void encodeQ4_K(Values values, std::uint8_t *blocks) {
    forEachBlock<256, 144>(values, blocks, superQ4_K);
}

void encodeQ5_K(Values values, std::uint8_t *blocks) {
    forEachBlock<256, 176>(values, blocks, superQ5_K);
}

void encodeQ6_K(Values values, std::uint8_t *blocks) {
    forEachBlock<256, 210>(values, blocks, superQ6_K);
}

void encodeIQ4_XS(Values values, std::uint8_t *blocks) {
    forEachBlock<256, 136>(values, blocks, superIQ4_XS);
}

} // namespace qs
