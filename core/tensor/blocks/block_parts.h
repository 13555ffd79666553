#pragma once

#include "core/tensor/blocks/block_type.h"

#include <array>
#include <cstddef>

namespace qs {

/// One block taken apart. The value of element i is scale · level − minimum of its sub-block, in float32 and
/// without fused operations; level = levels[code], or code − zeroPoint where there is no table.
struct BlockParts {
    static constexpr int kMaxElements = 256;
    static constexpr int kMaxSubBlocks = 16;

    int elements = 0;
    int subBlocks = 1;     ///< of equal length, in the order of the elements
    int codeBits = 0;      ///< of an element
    int scaleCodeBits = 0; ///< of a sub-block's scale; 0: the block has one scale, stored as a number
    bool hasMinima = false;
    int zeroPoint = 0;
    std::span<const std::int8_t> levels{}; ///< of codebook formats

    std::array<std::int16_t, kMaxElements> codes;
    std::array<float, kMaxSubBlocks> scales, minima;
    /// As stored, and what they are multiplied with: scale = superScale · scaleCode, minimum = superMinimum ·
    /// minimumCode. Formats without super-scale have codes of numbers of their own (NVFP4).
    std::array<std::int16_t, kMaxSubBlocks> scaleCodes, minimumCodes;
    float superScale = 1, superMinimum = 0;

    int subBlockLength() const { return elements / subBlocks; }
    int subBlockOf(int element) const { return element / subBlockLength(); }
    int level(int element) const {
        const int code = codes[static_cast<std::size_t>(element)];
        return levels.empty() ? code - zeroPoint : levels[static_cast<std::size_t>(code)];
    }
    float value(int element) const {
        const auto part = static_cast<std::size_t>(subBlockOf(element));
        return scales[part] * static_cast<float>(level(element)) - minima[part];
    }
};

/// Takes a block apart. Any bytes are legal; what they mean may be infinite or NaN.
/// \param type   decodable
/// \param block  blockFormat(type).bytes bytes
/// \source file_formats 13
void unpackBlock(BlockType type, const std::byte *block, BlockParts &parts);

} // namespace qs
