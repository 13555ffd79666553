#pragma once

#include "app/cli/input_options.h"

namespace qs::app {

/// qscope info: what is in a model, and whether this version can run it.
class InfoCommand final : public Command {
public:
    std::string name() const override { return "info"; }
    std::string summary() const override {
        return "Show a model: inputs, operators, layers, what is missing";
    }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    InputOptions m_inputs;
};

} // namespace qs::app
