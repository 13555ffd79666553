#pragma once

#include "core/analysis/layer_measure.h"
#include "core/io/calibration_set.h"
#include "core/metrics/error_metrics.h"

namespace qs {

/// How far the output of one node is from that of the float network, over all its floating-point outputs.
struct NodeError {
    ErrorMetrics accumulated; ///< everything quantized up to and including this node
    /// Only where the node itself is quantized, apart from its inputs:
    std::optional<ErrorMetrics> own;       ///< the node quantized, its inputs from the float network
    std::optional<ErrorMetrics> inherited; ///< the node in float, its inputs from the quantized network

    double accumulatedDb() const { return accumulated.sqnrDb(); }
    /// ErrorMetrics::kMaxSqnrDb (exact) for nodes that are not quantized.
    double ownDb() const { return own ? own->sqnrDb() : ErrorMetrics::kMaxSqnrDb; }
    double inheritedDb() const { return inherited ? inherited->sqnrDb() : accumulated.sqnrDb(); }
};

/// Where quantization errors arise and how they travel through a network.
struct ErrorPropagation {
    std::vector<std::optional<NodeError>> nodes; ///< by NodeId; empty when no output is a float tensor
    std::int64_t samples = 0;
};

/// Runs the float and the quantized network side by side, node by node, and compares every output; values are
/// released as in any pass, so memory stays at twice that of a pass.
/// \param layers   as in a run; all others stay in float
/// \param samples  of the set, from its start; 0 = all
/// \error InvalidArgument  the set does not fit the model;  Cancelled;  what the executor reports
Result<std::shared_ptr<const ErrorPropagation>>
measureErrorPropagation(const Executor &executor, const CalibrationSet &set,
                        std::span<const QuantizedLayer> layers, std::int64_t samples, const RunContext &ctx);

/// Which of both weighs more in what has accumulated: "its own" or "inherited".
const char *errorCause(const NodeError &error);

/// The first node in topological order whose accumulated SQNR is below the threshold, or not a number;
/// kNoNode when there is none.
NodeId firstDivergence(const ErrorPropagation &errors, double thresholdDb);

} // namespace qs
