#pragma once

#include "app/cli/input_options.h"
#include "app/cli/recipe_options.h"
#include "core/session/run.h"

namespace qs::app {

/// Said when a recipe cannot do without --calib.
inline constexpr const char *kLearnsFromData =
    "a method of the recipe learns from calibration data: give --calib FILE";

/// What quantize, export, evaluate and render have in common: open, make a recipe, run it.
struct RunJob {
    const InputOptions &inputs;
    const RecipeOptions &recipe;
    bool measure = true;          ///< compare the model's outputs with those of the float model
    bool measureInNetwork = true; ///< … also with one layer quantized at a time
    std::int64_t inNetworkSamples = 64;
    std::string onlyLayer = {}; ///< not empty: all other layers stay in float

    /// \error as the parts report
    Result<std::shared_ptr<const Run>> execute(const CommandContext &context) const;
};

/// Everything that a run needs but its recipe: model, methods, sets, executor.
Result<RunRequest> openRunRequest(const InputOptions &inputs, const CommandContext &context);
/// \error InvalidArgument  a method learns from data and there is no calibration set; else as executeRun()
Result<std::shared_ptr<const Run>> runRecipe(RunRequest request, Recipe recipe,
                                             const CommandContext &context);

/// What a run made of every layer, one a row. Errors that were not measured, or that a run without an
/// original cannot have, are dashes.
std::string layerTable(const Run &run);

/// Rows "metric, float, quantized" of two sets of metrics; either may be null.
std::string metricsTable(const OutputMetrics *reference, const OutputMetrics *other,
                         const std::string &otherTitle);

} // namespace qs::app
