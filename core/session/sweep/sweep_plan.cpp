#include "core/session/sweep/sweep_plan.h"

#include "core/quant/method_chain.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

Status checkPlan(const SweepPlan &plan) {
    const auto empty = [](const char *what) {
        return fail(ErrorCode::InvalidArgument, fmt::format("a sweep needs at least one {}", what));
    };
    if (plan.models.empty())
        return empty("model");
    if (plan.methods.empty())
        return empty("method");
    if (plan.bits.empty() || plan.activationBits.empty())
        return empty("bit-width");
    if (plan.slices.empty())
        return empty("granularity");
    for (auto model = plan.models.begin(); model != plan.models.end(); ++model)
        if (std::any_of(plan.models.begin(), model,
                        [&](const auto &other) { return other.name == model->name; }))
            return fail(
                ErrorCode::InvalidArgument,
                fmt::format("two models are called '{}': results could not be told apart. Sweep them into "
                            "two files.",
                            model->name));
    return {};
}

Result<std::vector<Recipe>> recipesOf(const std::string &method, const SweepPlan &plan,
                                      const MethodRegistry &methods) {
    std::vector<Recipe> recipes;
    for (const SliceChoice &slices : plan.slices)
        for (const int activationBits : plan.activationBits)
            for (const int bits : plan.bits) {
                WeightGridScheme scheme;
                scheme.grid.bits = bits;
                scheme.grid.convention = plan.convention;
                scheme.grid.rule = plan.rangeRule;
                scheme.granularity = slices.granularity;
                if (slices.granularity == Granularity::PerGroup)
                    scheme.groupSize = slices.groupSize;
                std::optional<ActivationChoice> activation;
                if (activationBits > 0) {
                    activation.emplace().grid.bits = activationBits;
                    activation->scale = plan.activationScale;
                    if (plan.activationScale != ActivationScale::Static) // these know no zero point
                        activation->grid.convention = GridConvention::SymmetricRestricted;
                }
                QS_TRY(Recipe recipe, chainRecipe(method, scheme, activation, methods));
                recipe.seed = plan.seed;
                QS_CHECK_OK(recipe.validate());
                recipes.push_back(std::move(recipe));
            }
    return recipes;
}

const WeightChoice &weightOf(const Recipe &recipe) {
    return *recipe.rules.front().choice.weight;
}

} // namespace

std::string sliceText(const SliceChoice &slices) {
    if (slices.granularity == Granularity::PerGroup)
        return fmt::format("groups of {}", slices.groupSize);
    return std::string(granularityName(slices.granularity));
}

Result<std::vector<std::string>> expandedMethods(const std::vector<std::string> &names,
                                                 const MethodRegistry &methods) {
    std::vector<std::string> expanded;
    for (const std::string &name : names) {
        if (name != "all") {
            QS_TRY(const Recipe recipe, chainRecipe(name, {}, {}, methods));
            expanded.push_back(name);
            continue;
        }
        for (const MethodInfo *info : methods.infos())
            expanded.push_back(info->id);
    }
    return expanded;
}

Result<std::vector<SweepJob>> sweepJobs(const SweepPlan &plan, const MethodRegistry &methods) {
    QS_CHECK_OK(checkPlan(plan));
    std::vector<SweepJob> jobs;
    for (const ModelFiles &model : plan.models)
        for (const std::string &method : plan.methods) {
            QS_TRY(const std::vector<Recipe> recipes, recipesOf(method, plan, methods));
            for (const Recipe &recipe : recipes) {
                SweepJob job{model.name, method, recipe};
                if (std::find(jobs.begin(), jobs.end(), job) == jobs.end())
                    jobs.push_back(std::move(job));
            }
        }
    return jobs;
}

int weightBits(const Recipe &recipe) {
    return weightOf(recipe).scheme.grid.bits;
}

int activationBits(const Recipe &recipe) {
    const auto &activation = recipe.rules.front().choice.activation;
    return activation ? activation->grid.bits : 0;
}

SliceChoice slices(const Recipe &recipe) {
    const WeightGridScheme &scheme = weightOf(recipe).scheme;
    return {scheme.granularity, scheme.granularity == Granularity::PerGroup ? scheme.groupSize : 0};
}

} // namespace qs
