#pragma once

#include "core/graph/layer.h"

#include <optional>

namespace qs {

/// One weight of a checkpoint: a matrix or kernel as the file stores it.
struct StoredMatrix {
    Tensor tensor;
    bool transposed = false; ///< a matrix stored as [inPerOut, outChannels]
};

/// What the weight of a layer is the difference of.
struct WeightDifference {
    StoredMatrix tuned, base;
};

/// Whether the layers of a graph are differences: weightMatrix() subtracts when it is called, so that opening
/// two large checkpoints costs no memory.
bool isDifference(const ModelGraph &graph);
/// Nothing where the weight is what the constant says.
std::optional<WeightDifference> weightDifference(const Layer &layer, const ModelGraph &graph);

/// Attributes of a node of WeightsOnlyBuilder that make its weight a difference.
void describeDifference(Node &node, const WeightDifference &difference);
/// Whether the constant of such a node is stored as [inPerOut, outChannels].
bool isStoredTransposed(const Node &node);

/// Copies a [rows, cols] matrix to [cols, rows] in blocks that stay in cache.
void transposeInto(const float *src, float *dst, std::int64_t rows, std::int64_t cols);
/// float32 [rows, cols] of a stored matrix or kernel. \error Unsupported  no float value
Result<Tensor> matrixOf(const StoredMatrix &stored, std::int64_t rows, std::int64_t cols);

} // namespace qs
