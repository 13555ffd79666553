#pragma once

#include "core/session/sweep/sweep_store.h"

namespace qs {

/// What runSweep() did.
struct SweepSummary {
    std::shared_ptr<const SweepResults> results; ///< all that the file holds
    std::int64_t planned = 0;                    ///< jobs of the plan
    std::int64_t ran = 0;                        ///< of these; the others had a result before
    CalibrationCost calibrationCost{};           ///< of all that ran
};

/// Runs the jobs of a plan that the file has no good result of, several at once, and writes the file after
/// each. Jobs of one model share the float outputs and the calibration pass. A job that fails is a record
/// and a finding of severity error; the sweep goes on.
///
/// Figures do not depend on the number of jobs at once; times do.
/// \param observer  called on workers with every new result; may be empty
/// \error InvalidArgument  the plan is wrong, or the file has results of a model on other data
/// \error Cancelled        finished jobs are in the file; the next call runs the rest
/// \error what models and sets report; IoError  the file cannot be written
Result<SweepSummary> runSweep(const SweepPlan &plan, const std::filesystem::path &file,
                              const std::shared_ptr<const MethodRegistry> &methods,
                              const SweepObserver &observer, FindingList &findings, const RunContext &ctx);

} // namespace qs
