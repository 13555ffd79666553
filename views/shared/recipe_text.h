#pragma once

#include "core/graph/model.h"
#include "core/quant/method_registry.h"
#include "core/quant/recipe.h"

#include <QString>

namespace qs::views {

// Names and one-line descriptions of what a recipe chooses, for people.
QString conventionText(GridConvention convention);
QString conventionToolTip(GridConvention convention); ///< with its formula
QString rangeRuleText(const RangeRule &rule);
QString activationText(const ActivationChoice &activation); ///< "A8 min-max", "A8 per token"
/// "GPTQ 4 bit, groups of 64, asymmetric, min-max, branch LQER, bias correction; A8 per token"
QString choiceText(const LayerChoice &choice);
/// "alpha 0.5, grid 20": the parameters that differ from the method's defaults.
QString parametersText(const MethodChoice &choice, const MethodRegistry &methods);

/// What a recipe would do to a model, without running it.
struct RecipeEstimate {
    int layers = 0;
    int quantizedLayers = 0;
    int quantizedActivations = 0;
    double bitsPerWeight = 32; ///< codes, scales and zero points; methods may store a little more
};
RecipeEstimate estimateRecipe(const Recipe &recipe, const Model &model);

} // namespace qs::views
