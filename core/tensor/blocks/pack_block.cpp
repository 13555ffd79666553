#include "core/tensor/blocks/pack_block.h"

#include "core/base/check.h"
#include "core/tensor/blocks/block_layouts.h"

namespace qs {

std::optional<LevelRange> levelsOf(BlockType type) {
    switch (type) {
    case BlockType::Q4_0:
        return LevelRange{-8, 7};
    case BlockType::Q4_1:
        return LevelRange{0, 15};
    case BlockType::Q5_0:
        return LevelRange{-16, 15};
    case BlockType::Q5_1:
        return LevelRange{0, 31};
    case BlockType::Q8_0:
        return LevelRange{-128, 127};
    default:
        return std::nullopt;
    }
}

void packBlock(BlockType type, std::span<const int> levels, float scale, float minimum, std::uint8_t *block) {
    const auto range = levelsOf(type);
    QS_CHECK(range && levels.size() == 32, "a format of 32 plain levels");
    writeHalf(block, scale);
    block += 2;
    if (type == BlockType::Q8_0) {
        for (const int level : levels)
            *block++ = static_cast<std::uint8_t>(level);
        return;
    }
    if (type == BlockType::Q4_1 || type == BlockType::Q5_1) {
        writeHalf(block, minimum);
        block += 2;
    }
    std::uint8_t codes[32];
    for (std::size_t i = 0; i < 32; ++i)
        codes[i] = static_cast<std::uint8_t>(levels[i] - range->lowest);
    if (type == BlockType::Q5_0 || type == BlockType::Q5_1) {
        writeWord(block, fifthBits(codes));
        block += 4;
    }
    writeNibbles(codes, block);
}

} // namespace qs
