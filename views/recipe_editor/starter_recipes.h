#pragma once

#include "core/quant/recipe.h"

namespace qs::views {

/// The recipes of resources/recipes, by file name. Read once.
const std::vector<Recipe> &starterRecipes();

} // namespace qs::views
