#pragma once

#include "app/cli/command.h"

namespace qs::app {

/// The catalogue of methods: all, those that match some words, or everything about one.
class MethodsCommand final : public Command {
public:
    std::string name() const override { return "methods"; }
    std::string summary() const override { return "What methods there are, and everything about one"; }
    void addOptions(CLI::App &app) override;
    Result<CommandOutput> run(const CommandContext &context) override;

private:
    std::string m_id, m_search;
};

} // namespace qs::app
