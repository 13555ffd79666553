#pragma once

#include "core/analysis/cell_facts.h"
#include "core/graph/model_graph.h"
#include "core/tensor/blocks/block_parts.h"
#include "core/tensor/tensor.h"

#include <vector>

namespace qs {

/// The block of a block-quantized weight that holds one element: as a model file stores it, or as a method
/// makes it for one.
struct StoredBlock {
    BlockType type{};
    std::int64_t block = 0;      ///< of the row, from 0
    std::int64_t firstCol = 0;   ///< of the block
    std::int64_t byteOffset = 0; ///< of the block within the tensor
    int element = 0;             ///< of the block: the one that was asked for
    std::vector<std::byte> bytes;
    BlockParts parts;
    bool isMade = false;               ///< by a method; in no file yet
    std::optional<ErrorMetrics> error; ///< of the whole block against the weights that it was made from
};

/// Nothing when the weight is stored as plain numbers, or in a format without values here. After a transform
/// of the model the stored value is no longer the weight: compare. \param layer  of the graph  \param row,
/// col  of its weight matrix
std::optional<StoredBlock> storedBlock(const Layer &layer, const ModelGraph &graph, std::int64_t row,
                                       std::int64_t col);

/// What is known about a layer whose blocks are asked for.
struct BlockQuestion {
    const Layer &layer;
    const ModelGraph &graph;         ///< with the weight that was quantized
    MatrixView<const float> weights; ///< that weight
    const QuantizedMatrix *matrix = nullptr;
    std::string_view method{}; ///< that made the matrix; "q4_k" among them
    bool hasOriginal = true;   ///< the weights are not the values of the matrix themselves
};

/// The block behind an element, whose value it gives: of the file that the codes were read from; of the
/// method, when that makes blocks; of the model's own file. Nothing when none of them is what is shown.
/// \param inspected  the element
std::optional<StoredBlock> blockBehind(const BlockQuestion &question, const CellInspection &inspected);

/// Two digits a byte, in fours.
std::string hexText(std::span<const std::byte> bytes);

/// The same for people: format, bytes, codes, scales, minima.
std::vector<CellFact> storedBlockFacts(const StoredBlock &block);

} // namespace qs
