#pragma once

#include "core/exec/shape_trace.h"
#include "core/hardware/workload.h"

namespace qs {

/// One node of a traced graph, to be counted.
struct NodeQuery {
    const ModelGraph &graph;
    const ShapeTrace &trace;
    NodeId node;
    const Layer *layer; ///< nullptr when the node is none
    const PrecisionPlan &plan;
};

struct NodeWork {
    OperatorWork work;
    bool operationsKnown = true; ///< false: an operator of which only the bytes are counted
};

/// Operations and bytes of a node; nothing for nodes that are free (reshapes, what follows from shapes alone)
/// or whose shapes are not known. \source roofline specification B.3
std::optional<NodeWork> nodeWork(const NodeQuery &query);

/// Whether an operator only gives the same bytes another shape.
bool isView(const std::string &opType);
/// Bytes of a value in memory: floats at the plan's width for activations, others at their own.
double valueBytes(const TracedValue &value, const PrecisionPlan &plan);

} // namespace qs
