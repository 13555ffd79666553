#pragma once

#include "app/cli/run_job.h"

namespace qs::app {

/// qscope evaluate: quality of a model, and of another model file or of a recipe against it.
class EvaluateCommand final : public Command {
public:
    std::string name() const override { return "evaluate"; }
    std::string summary() const override { return "Measure a model, and another one or a recipe against it"; }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    Result<CommandOutput> evaluateRecipe(const CommandContext &context) const;
    Result<CommandOutput> evaluateModel(const CommandContext &context) const;

    InputOptions m_inputs;
    RecipeOptions m_recipe;
    std::filesystem::path m_against;
};

} // namespace qs::app
