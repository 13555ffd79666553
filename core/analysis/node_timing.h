#pragma once

#include "core/exec/executor.h"
#include "core/io/calibration_set.h"

namespace qs {

/// What each node of the float network costs on this machine.
struct NodeTimes {
    std::vector<double> seconds; ///< by NodeId: median over the passes, of one batch
    std::int64_t batch = 0;      ///< samples in the batch
    int passes = 0;

    double totalSeconds() const;
};

/// Runs the first samples of a set some times, node by node, after one pass to warm up. The clock is read
/// around every node, so very cheap nodes carry some of its cost, and nodes that a pass runs as one are timed
/// apart.
///
/// \error InvalidArgument  the set does not fit the model;  Cancelled;  what the executor reports
Result<std::shared_ptr<const NodeTimes>> measureNodeTimes(const Executor &executor, const CalibrationSet &set,
                                                          std::int64_t batch, int passes,
                                                          const RunContext &ctx);

} // namespace qs
