#pragma once

#include "core/tensor/blocks/block_type.h"

namespace qs {

/// Levels of the block formats that are nothing but an integer grid: value = scale · level + minimum, both
/// float16. Formats without minima have signed levels, those with minima count from 0.
struct LevelRange {
    int lowest = 0, highest = 0;
};
/// Of q4_0, q4_1, q5_0, q5_1, q8_0; nothing of every other format.
std::optional<LevelRange> levelsOf(BlockType type);

/// Writes one block of such a format.
/// \param levels  32, within levelsOf(type)  \param minimum  must be 0 for formats without minima
/// \param block   room for its bytes \source file_formats 13.1
void packBlock(BlockType type, std::span<const int> levels, float scale, float minimum, std::uint8_t *block);

} // namespace qs
