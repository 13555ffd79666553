#pragma once

#include "core/base/finding.h"
#include "core/graph/model_graph.h"

#include <set>

namespace qs {

/// Exporters that fold no constants write weights as they are stored and operators that bring them to their
/// layer (torch's dynamo exporter, `do_constant_folding=False`, weights that two layers share). Where such
/// operators only move or convert a constant on its way to the weight of a layer, what they make becomes a
/// constant of the same name, so that layers read constants: Transpose, Reshape, Flatten, Squeeze, Unsqueeze,
/// Split, Cast between floats; Identity of any constant. Constants that nobody reads any more are dropped.
///
/// Values keep their names, so that the source file still fits the graph. Copies take at most a quarter of
/// this machine's memory; layers beyond that are not found and `findings` says so.
Result<ModelGraph> foldWeights(ModelGraph graph, FindingList &findings);

/// Values that are the weight of a layer if they are constant, or become one through operators that move,
/// convert, quantize or correct a constant (DequantizeLinear and what may stand around it).
std::set<ValueId> valuesOnTheWayToWeights(const ModelGraph &graph);

} // namespace qs
