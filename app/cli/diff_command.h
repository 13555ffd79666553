#pragma once

#include "app/cli/command.h"

#include <filesystem>

namespace qs::app {

/// qscope diff: how the weights of one checkpoint differ from those of another.
class DiffCommand final : public Command {
public:
    std::string name() const override { return "diff"; }
    std::string summary() const override {
        return "Subtract one checkpoint from another: norms per layer, and the difference as a model";
    }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    std::filesystem::path m_base, m_tuned, m_output;
    std::string m_sort = "model";
};

} // namespace qs::app
