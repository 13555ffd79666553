#pragma once

#include "app/cli/command.h"
#include "app/cli/input_options.h"

namespace qs::app {

/// qscope stored: the quantization that a model file brings, as a run.
class StoredCommand final : public Command {
public:
    std::string name() const override { return "stored"; }
    std::string summary() const override {
        return "Show the codes, scales and bits that a quantized model file holds";
    }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    InputOptions m_inputs;
    std::filesystem::path m_original, m_report, m_project;
};

} // namespace qs::app
