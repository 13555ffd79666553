#pragma once

#include "core/session/sweep/sweep_results.h"

#include <span>

namespace qs {

/// What all jobs of one model share: the opened files, then what was computed once for all.
struct SweepBench {
    std::shared_ptr<const Model> model;
    std::shared_ptr<const CalibrationSet> calibration, evaluation; ///< may be null
    SweepModel description;
    // Filled in by prepareBench().
    std::shared_ptr<const Executor> executor;   ///< null: the model cannot run, only weights are measured
    std::shared_ptr<const Capture> capture;     ///< null without calibration set
    bool sharesHessians = true;                 ///< false: jobs that need some make their own
    CalibrationCost calibrationCost;            ///< of the capture
    std::shared_ptr<const Evaluator> evaluator; ///< null when there is nothing to compare outputs on
};

/// Opens the files and describes them; computes nothing. A set that was found by its name and does not fit
/// is left out with a finding.
/// \error what importers and sets report; InvalidArgument  a set that was asked for does not fit
Result<SweepBench> openBench(const ModelFiles &files, const SweepPlan &plan, FindingList &findings,
                             const RunContext &ctx);

/// Runs the float model: the capture that these recipes share, and the outputs they are compared with.
/// \error OutOfMemory  the limit of the plan is too small for the activations and statistics
/// \error Cancelled; what executor and sets report
Status prepareBench(SweepBench &bench, std::span<const Recipe> recipes, const SweepPlan &plan,
                    const MethodRegistry &methods, FindingList &findings, const RunContext &ctx);

/// Whether a job with this recipe calibrates on its own: its transforms make another model, or the limit of
/// the plan did not allow the Hessians of all jobs at once.
bool calibratesItself(const Recipe &recipe, const SweepBench &bench, const MethodRegistry &methods);

/// What one job found out, and what its own calibration took.
struct SweepJobResult {
    SweepRecord record;
    CalibrationCost calibrationCost;
};
/// Runs one job. A failure is a record, too. \error Cancelled
Result<SweepJobResult> runSweepJob(const SweepJob &job, const SweepBench &bench, const SweepPlan &plan,
                                   const std::shared_ptr<const MethodRegistry> &methods,
                                   const RunContext &ctx);

} // namespace qs
