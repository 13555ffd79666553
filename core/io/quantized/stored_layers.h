#pragma once

#include "core/base/finding.h"
#include "core/graph/model.h"
#include "core/io/quantized/weight_grid.h"

#include <functional>

namespace qs {

using ActivationGrid = std::pair<ScaleZero, GridScheme>;

/// What a file holds of one layer.
struct StoredLayer {
    WeightGrid grid;
    std::optional<ActivationGrid> activation{}; ///< when the file tells it beside the graph
};

/// What was read for a constant of the graph, by its name; nothing when it was stored as numbers.
using StoredLookup = std::function<std::optional<StoredLayer>(const std::string &constant)>;

/// Gives the layers of a model that was just read what its file holds of them: grids as matrices, and the
/// Q/DQ pairs in front of them. Every matrix is compared with the constant that the graph has for it. \param
/// findings  told which grids cannot be shown, and of scales that are 0 \error Cancelled
Status attachStored(Model &model, const StoredLookup &lookup, FindingList &findings, const RunContext &ctx);

/// The grid of the Q/DQ pair in front of a layer; nothing without one. A Clip in front of the pair that
/// leaves fewer codes than the type has bits for narrows the scheme.
std::optional<ActivationGrid> activationGrid(const Layer &layer, const ModelGraph &graph);

} // namespace qs
