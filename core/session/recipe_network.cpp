#include "core/session/recipe_network.h"

namespace qs {

std::optional<ValueRange> RecipeNetwork::activationRange(LayerId layer) const {
    if (!prepared)
        return {};
    const auto range = prepared->activationRanges.find(layer);
    return range == prepared->activationRanges.end() ? std::nullopt : std::optional(range->second);
}

std::string transformNames(const Recipe &recipe) {
    std::string names;
    for (const TransformStep &step : recipe.transforms)
        names += (names.empty() ? "" : ", ") + step.method.method;
    return names;
}

Result<RecipeNetwork> makeRecipeNetwork(const PrepareRequest &request, FindingList &findings,
                                        const RunContext &ctx) {
    RecipeNetwork network{request.model, request.executor, nullptr};
    if (request.recipe->transforms.empty())
        return network;
    QS_TRY(PreparedModel prepared, prepareModel(request, findings, ctx));
    network.model = prepared.model;
    network.executor = prepared.executor;
    network.prepared = std::make_shared<const PreparedModel>(std::move(prepared));
    return network;
}

} // namespace qs
