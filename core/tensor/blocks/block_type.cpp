#include "core/tensor/blocks/block_type.h"

#include "core/base/check.h"

#include <algorithm>
#include <array>

namespace qs {
namespace {

constexpr std::array kFormats{
    BlockFormat{BlockType::Q4_0, "q4_0", 32, 18},
    BlockFormat{BlockType::Q4_1, "q4_1", 32, 20},
    BlockFormat{BlockType::Q5_0, "q5_0", 32, 22},
    BlockFormat{BlockType::Q5_1, "q5_1", 32, 24},
    BlockFormat{BlockType::Q8_0, "q8_0", 32, 34},
    BlockFormat{BlockType::Q8_1, "q8_1", 32, 36},
    BlockFormat{BlockType::Q2_K, "q2_k", 256, 84},
    BlockFormat{BlockType::Q3_K, "q3_k", 256, 110},
    BlockFormat{BlockType::Q4_K, "q4_k", 256, 144},
    BlockFormat{BlockType::Q5_K, "q5_k", 256, 176},
    BlockFormat{BlockType::Q6_K, "q6_k", 256, 210},
    BlockFormat{BlockType::Q8_K, "q8_k", 256, 292},
    BlockFormat{BlockType::IQ2_XXS, "iq2_xxs", 256, 66, false},
    BlockFormat{BlockType::IQ2_XS, "iq2_xs", 256, 74, false},
    BlockFormat{BlockType::IQ3_XXS, "iq3_xxs", 256, 98, false},
    BlockFormat{BlockType::IQ1_S, "iq1_s", 256, 50, false},
    BlockFormat{BlockType::IQ4_NL, "iq4_nl", 32, 18},
    BlockFormat{BlockType::IQ3_S, "iq3_s", 256, 110, false},
    BlockFormat{BlockType::IQ2_S, "iq2_s", 256, 82, false},
    BlockFormat{BlockType::IQ4_XS, "iq4_xs", 256, 136},
    BlockFormat{BlockType::IQ1_M, "iq1_m", 256, 56, false},
    BlockFormat{BlockType::TQ1_0, "tq1_0", 256, 54},
    BlockFormat{BlockType::TQ2_0, "tq2_0", 256, 66},
    BlockFormat{BlockType::MXFP4, "mxfp4", 32, 17},
    BlockFormat{BlockType::NVFP4, "nvfp4", 64, 36},
    BlockFormat{BlockType::Q1_0, "q1_0", 128, 18},
    BlockFormat{BlockType::Q2_0, "q2_0", 64, 18},
};

} // namespace

std::span<const BlockFormat> blockFormats() {
    return kFormats;
}

const BlockFormat &blockFormat(BlockType type) {
    const BlockFormat *format = blockFormatOf(blockDType(type));
    QS_CHECK(format, "every enumerator has a format");
    return *format;
}

const BlockFormat *findBlockFormat(std::string_view name) {
    const auto found = std::find_if(kFormats.begin(), kFormats.end(),
                                    [&](const BlockFormat &format) { return format.name == name; });
    return found == kFormats.end() ? nullptr : &*found;
}

const BlockFormat *blockFormatOf(DType type) {
    const auto found = std::find_if(kFormats.begin(), kFormats.end(), [&](const BlockFormat &format) {
        return blockDType(format.type) == type;
    });
    return found == kFormats.end() ? nullptr : &*found;
}

double bitsPerElement(DType type) {
    const BlockFormat *format = blockFormatOf(type);
    return format ? format->bitsPerValue() : dtypeBits(type);
}

} // namespace qs
