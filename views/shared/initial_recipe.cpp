#include "views/shared/initial_recipe.h"

namespace qs::views {

Recipe initialRecipe(bool canRun) {
    WeightChoice weights;
    weights.scheme.grid.bits = 8;
    weights.scheme.grid.convention = GridConvention::SymmetricRestricted;
    return uniformRecipe({}, weights, canRun ? std::optional(ActivationChoice{}) : std::nullopt);
}

} // namespace qs::views
