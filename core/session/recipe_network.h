#pragma once

#include "core/transform/prepare_model.h"

namespace qs {

/// What a recipe quantizes: the model as it was opened, or what the recipe's transforms make of it.
struct RecipeNetwork {
    std::shared_ptr<const Model> model;
    std::shared_ptr<const Executor> executor;      ///< of it; null when none was given
    std::shared_ptr<const PreparedModel> prepared; ///< null without transforms

    /// The range of a layer's activation that a transform decided.
    std::optional<ValueRange> activationRange(LayerId layer) const;
};

/// "smoothquant, rotation"; empty without transforms.
std::string transformNames(const Recipe &recipe);

/// Applies the transforms of request.recipe, if there are any. \error as prepareModel
Result<RecipeNetwork> makeRecipeNetwork(const PrepareRequest &request, FindingList &findings,
                                        const RunContext &ctx);

} // namespace qs
