#pragma once

#include "core/analysis/cell_facts.h"
#include "core/graph/model_graph.h"
#include "core/tensor/blocks/block_parts.h"

#include <vector>

namespace qs {

/// The block of a block-quantized weight that holds one element, as the model file stores it.
struct StoredBlock {
    BlockType type{};
    std::int64_t block = 0;      ///< of the row, from 0
    std::int64_t firstCol = 0;   ///< of the block
    std::int64_t byteOffset = 0; ///< of the block within the tensor
    int element = 0;             ///< of the block: the one that was asked for
    std::vector<std::byte> bytes;
    BlockParts parts;
};

/// Nothing when the weight is stored as plain numbers, or in a format without values here. After a transform
/// of the model the stored value is no longer the weight: compare. \param layer  of the graph  \param row,
/// col  of its weight matrix
std::optional<StoredBlock> storedBlock(const Layer &layer, const ModelGraph &graph, std::int64_t row,
                                       std::int64_t col);

/// Two digits a byte, in fours.
std::string hexText(std::span<const std::byte> bytes);

/// The same for people: format, bytes, codes, scales, minima.
std::vector<CellFact> storedBlockFacts(const StoredBlock &block);

} // namespace qs
