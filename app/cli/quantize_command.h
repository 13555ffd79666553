#pragma once

#include "app/cli/run_job.h"

namespace qs::app {

/// qscope quantize: the main job. Applies a recipe, measures it, writes report, recipe and exported model.
class QuantizeCommand final : public Command {
public:
    std::string name() const override { return "quantize"; }
    std::string summary() const override { return "Quantize a model, measure what it costs, export it"; }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    InputOptions m_inputs;
    RecipeOptions m_recipe;
    std::filesystem::path m_report, m_export, m_saveRecipe, m_project;
    std::int64_t m_inNetworkSamples = 64;
    bool m_quick = false;
};

} // namespace qs::app
