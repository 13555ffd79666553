#pragma once

#include "core/quant/method_registry.h"
#include "core/quant/recipe.h"

namespace qs {

/// A recipe with one rule for all layers, from methods that are named as a text: ids joined by '+', for
/// example "smoothquant+gptq+lqer". Transforms work in their order, before all else; the quantizer is rtn
/// when none is named; the branch is split off around it; corrections
/// ("bias-correction", …) come last.
/// \param scheme  of the weights \param activations  may be absent
/// \error InvalidArgument  a name is empty or unknown (lists what there is), or the methods do not go
/// together
Result<Recipe> chainRecipe(const std::string &chain, const WeightGridScheme &scheme,
                           const std::optional<ActivationChoice> &activations, const MethodRegistry &methods);

/// "there is no method 'x'", and what there is, by kind.
Error unknownMethod(const std::string &id, const MethodRegistry &methods);

/// The recipe with the method in it: a quantizer or branch in every rule for weights (in a rule for all
/// layers when there is none), a transform as the last one. Other settings stay; parameters are the defaults.
Recipe withMethod(Recipe recipe, const MethodInfo &info);

} // namespace qs
