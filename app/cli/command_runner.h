#pragma once

#include "app/cli/command.h"
#include "app/cli/exit_code.h"

namespace qs::app {

/// Options that every command has.
struct CommonOptions {
    bool json = false;
    bool quiet = false;
    int threads = 0;
};

/// Runs a command with progress, prints its output to standard output and its findings to standard error.
ExitCode runCommand(Command &command, const CommonOptions &options, std::stop_token stop);

} // namespace qs::app
