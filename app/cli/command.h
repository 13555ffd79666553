#pragma once

#include "core/base/finding.h"
#include "core/base/run_context.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace qs::app {

/// What a command found out, for machines and for people. One of the two is printed to standard output.
struct CommandOutput {
    nlohmann::ordered_json document;
    std::string text;
};

/// What a command works with besides its options.
struct CommandContext {
    RunContext run;
    FindingList &findings; ///< printed to standard error at the end
};

/// One subcommand of qscope. Options are bound to members by addOptions() and read by run().
class Command {
public:
    virtual ~Command() = default;
    virtual std::string name() const = 0;
    virtual std::string summary() const = 0;
    virtual void addOptions(CLI::App &app) = 0;
    virtual Result<CommandOutput> run(const CommandContext &context) = 0;
};

/// All commands in the order of --help. A new one is one line in builtin_commands.cpp.
std::vector<std::unique_ptr<Command>> builtinCommands();

} // namespace qs::app
