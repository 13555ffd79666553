#include "core/quant/recipe.h"

#include "core/quant/layer_pattern.h"

#include <array>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr std::array<std::string_view, 4> kScaleNames{"static", "token", "cross", "region"};

} // namespace

std::string_view activationScaleName(ActivationScale scale) {
    return kScaleNames[static_cast<std::size_t>(scale)];
}

Result<ActivationScale> activationScaleFromName(std::string_view name) {
    for (std::size_t i = 0; i < kScaleNames.size(); ++i)
        if (name == kScaleNames[i])
            return static_cast<ActivationScale>(i);
    return fail(ErrorCode::InvalidArgument,
                fmt::format("'{}' is no way to find a scale; choose static, token, cross or region", name));
}

// The reader of the JSON form knows all limits.
Status Recipe::validate() const {
    if (auto same = fromJson(toJson()); !same)
        return fail(std::move(same).error());
    return {};
}

LayerChoice Recipe::choiceFor(const std::string &layerName) const {
    LayerChoice choice;
    for (const RecipeRule &rule : rules)
        if (matchesLayerPattern(layerName, rule.layers))
            choice = rule.choice;
    return choice;
}

std::string suggestedName(const Recipe &recipe) {
    const LayerChoice choice = recipe.rules.empty() ? LayerChoice{} : recipe.rules.front().choice;
    std::string name;
    for (const TransformStep &step : recipe.transforms)
        name += step.method.method + '-';
    if (choice.weight)
        name += fmt::format("w{}", choice.weight->scheme.grid.bits);
    if (choice.activation)
        name += fmt::format("a{}", choice.activation->grid.bits);
    if (choice.weight) {
        name += '-' + choice.weight->method;
        if (choice.weight->scheme.granularity == Granularity::PerGroup)
            name += fmt::format("-g{}", choice.weight->scheme.groupSize);
        if (choice.weight->scheme.granularity == Granularity::PerTensor)
            name += "-tensor";
        if (choice.weight->branch)
            name += '-' + choice.weight->branch->method;
        for (const CorrectionInfo &correction : corrections())
            if (choice.weight->corrects(correction.kind))
                name += fmt::format("-{}", correction.suffix);
    }
    if (name.empty())
        name = "float";
    return recipe.rules.size() > 1 ? name + "-mixed" : name;
}

Recipe uniformRecipe(std::string name, WeightChoice weights, std::optional<ActivationChoice> activations) {
    Recipe recipe;
    recipe.name = std::move(name);
    recipe.rules.push_back({".*", {std::move(weights), std::move(activations)}});
    if (recipe.name.empty())
        recipe.name = suggestedName(recipe);
    return recipe;
}

} // namespace qs
