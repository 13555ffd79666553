#pragma once

#include "core/exec/capture_source.h"
#include "core/io/calibration_set.h"
#include "core/quant/method_registry.h"
#include "core/quant/recipe.h"
#include "core/transform/model_editor.h"

namespace qs {

/// A model after the transforms of a recipe: the same function, the same layers with the same ids.
struct PreparedModel {
    std::shared_ptr<const Model> model;
    std::shared_ptr<const Executor> executor;       ///< of it; null when none was given
    std::vector<GraphEdit> edits;                   ///< one after the other, from the opened file
    std::map<LayerId, ValueRange> activationRanges; ///< that a transform decided
    double largestChange =
        0; ///< of the float output on the samples that were tried, relative to its largest value
    CalibrationCost calibrationCost; ///< of all transforms; no project keeps it
};

struct PrepareRequest {
    std::shared_ptr<const Model> model;
    std::shared_ptr<const Executor> executor; ///< null: transforms that need no calibration, unchecked
    std::shared_ptr<const CalibrationSet> calibration; ///< may be null
    std::int64_t calibrationSamples = 0;               ///< 0 = all
    std::shared_ptr<const MethodRegistry> methods;
    const Recipe *recipe = nullptr;
    std::int64_t memoryLimit = 0; ///< bytes that calibration may take; 0 = no limit
};

/// Applies the transforms of a recipe one after the other, and compares the float outputs before and after.
/// \error InvalidArgument  an unknown transform, parameters out of range
/// \error NotFound         a transform needs calibration and there is none
/// \error Unsupported      a transform that does not fit the model anywhere, or changes its function by more
/// than
///                         1e-4 of its largest output
/// \error Cancelled
/// \thread pure
Result<PreparedModel> prepareModel(const PrepareRequest &request, FindingList &findings,
                                   const RunContext &ctx);

} // namespace qs
