#pragma once

#include "app/cli/run_job.h"

namespace qs::app {

/// qscope divergence: where the quantized network first leaves the float network, and whose error it is.
class DivergenceCommand final : public Command {
public:
    std::string name() const override { return "divergence"; }
    std::string summary() const override {
        return "Find the first node at which the quantized network leaves the float network";
    }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    InputOptions m_inputs;
    RecipeOptions m_recipe;
    double m_thresholdDb = 20;
    std::int64_t m_samples = 16;
    bool m_allNodes = false;
};

} // namespace qs::app
