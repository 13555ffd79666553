#pragma once

#include "app/cli/input_options.h"
#include "app/cli/roofline_options.h"

namespace qs::app {

/// qscope roofline: what bounds every operator on a device, how long it takes, what fits.
class RooflineCommand final : public Command {
public:
    std::string name() const override { return "roofline"; }
    std::string summary() const override {
        return "Time, bound and memory of every operator on a device, from a model or a config.json alone";
    }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    std::filesystem::path m_model;
    RecipeOptions m_recipe;
    RooflineOptions m_roofline;
};

} // namespace qs::app
