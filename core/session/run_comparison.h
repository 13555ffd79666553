#pragma once

#include "core/session/run.h"

#include <functional>
#include <span>

namespace qs {

/// A number by which runs are compared.
struct RunFigure {
    std::string id, name, unit, explanation; ///< "kl", "KL divergence", "nats", the formula
    bool higherIsBetter = false;
    std::function<std::optional<double>(const Run &)> valueOf; ///< absent: not measured, or does not apply
};
/// Effective bits, size of the weights, SQNR of all weights together, the model's output metrics and the time
/// spent in methods.
const std::vector<RunFigure> &runFigures();
/// nullptr when there is no figure of that id.
const RunFigure *findRunFigure(std::string_view id);

/// One figure of every run that is compared.
struct ComparisonColumn {
    std::string id, name, unit, explanation; ///< "kl", "KL divergence", "nats", the formula
    bool higherIsBetter = false;
    std::vector<std::optional<double>> values; ///< one a run; absent: not measured, or it does not apply

    /// Whether the run's value is the best of at least two that differ; ties are all best.
    bool isBest(std::size_t run) const;
};

/// Every figure of runFigures() that at least one run has. \param runs  complete or partial runs; not null
std::vector<ComparisonColumn> compareRuns(std::span<const std::shared_ptr<const Run>> runs);

/// Whether the figures of these runs may stand beside each other: the same model, and outputs measured on the
/// same samples. \error InvalidArgument  says which runs differ in what
Status checkComparable(std::span<const std::shared_ptr<const Run>> runs);

/// A setting in which recipes differ.
struct RecipeDifference {
    std::string path;                ///< "rules[0].weight.bits"
    std::vector<std::string> values; ///< one a recipe, as in the JSON form; "–" where it is absent
};
/// Every setting that is not the same in all recipes, names left out.
std::vector<RecipeDifference> diffRecipes(std::span<const Recipe> recipes);

} // namespace qs
