#pragma once

#include "core/quant/recipe.h"

namespace qs::views {

/// What a first visitor gets: INT8 weights and, where the model can run, activations, in the form that ONNX
/// Runtime executes.
Recipe initialRecipe(bool canRun);

} // namespace qs::views
