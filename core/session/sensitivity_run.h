#pragma once

#include "core/analysis/sensitivity.h"
#include "core/io/calibration_set.h"

namespace qs {

/// What to measure the sensitivity of.
struct SensitivityRequest {
    std::shared_ptr<const Model> model;
    std::shared_ptr<const Executor> executor;
    std::shared_ptr<const CalibrationSet> calibration; ///< may be null when no method needs it
    std::shared_ptr<const CalibrationSet> evaluation;  ///< where outputs are compared
    std::shared_ptr<const Capture> capture;            ///< of the same model and set; reused; may be null
    std::shared_ptr<const MethodRegistry> methods;
    SensitivityOptions options;
    std::int64_t calibrationSamples = 0; ///< 0 = all
    std::int64_t memoryLimit = 0;        ///< bytes that calibration may take; 0 = no limit
};

/// Transforms and calibrates as a run does, then measures the table.
/// \param rowFinished  called on the running thread with the table so far; may be empty
/// \error InvalidArgument  the recipe;  OutOfMemory  the limit is too small for one layer;  Cancelled
/// \error what transforms, executor and sets report
Result<std::shared_ptr<const SensitivityTable>>
runSensitivity(const SensitivityRequest &request,
               const std::function<void(std::shared_ptr<const SensitivityTable>)> &rowFinished,
               FindingList &findings, const RunContext &ctx);

} // namespace qs
