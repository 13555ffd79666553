#pragma once

#include "app/cli/run_job.h"

namespace qs::app {

/// qscope compare: several recipes on one model with one calibration, side by side.
class CompareCommand final : public Command {
public:
    std::string name() const override { return "compare"; }
    std::string summary() const override { return "Run several recipes on a model and compare them"; }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    InputOptions m_inputs;
    std::vector<std::filesystem::path> m_recipes;
    std::filesystem::path m_csv;
};

} // namespace qs::app
