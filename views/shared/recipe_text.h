#pragma once

#include "core/graph/model.h"
#include "core/quant/recipe.h"

#include <QString>

namespace qs::views {

// Names and one-line descriptions of what a recipe chooses, for people.
QString conventionText(GridConvention convention);
QString conventionToolTip(GridConvention convention); ///< with its formula
QString rangeRuleText(const RangeRule &rule);
QString
choiceText(const LayerChoice &choice); ///< "GPTQ 4 bit, groups of 64, asymmetric, min-max; activations …"

/// What a recipe would do to a model, without running it.
struct RecipeEstimate {
    int layers = 0;
    int quantizedLayers = 0;
    int quantizedActivations = 0;
    double bitsPerWeight = 32; ///< codes, scales and zero points; methods may store a little more
};
RecipeEstimate estimateRecipe(const Recipe &recipe, const Model &model);

} // namespace qs::views
