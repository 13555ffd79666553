#pragma once

#include "app/cli/command.h"

#include <filesystem>

namespace qs::app {

/// qscope plugins list | check FILE: which methods there are, and whether a plugin keeps its promises.
class PluginsCommand final : public Command {
public:
    std::string name() const override { return "plugins"; }
    std::string summary() const override { return "List methods, or check a plugin file"; }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    CommandOutput list(const CommandContext &context) const;
    Result<CommandOutput> check(const CommandContext &context) const;

    CLI::App *m_check = nullptr;
    std::filesystem::path m_file;
};

} // namespace qs::app
