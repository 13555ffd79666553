#pragma once

#include "app/cli/run_job.h"

namespace qs::app {

/// qscope export: applies a recipe and writes the model, without measuring.
class ExportCommand final : public Command {
public:
    std::string name() const override { return "export"; }
    std::string summary() const override {
        return "Write a model with a recipe applied, for another runtime";
    }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    InputOptions m_inputs;
    RecipeOptions m_recipe;
    std::filesystem::path m_output;
    std::string m_exporter; ///< empty: by the suffix of the file
    std::vector<std::string> m_options;
};

} // namespace qs::app
