#pragma once

#include "core/base/finding.h"

namespace qs::app {

/// What the shell sees. Documented in `qscope --help` and README.md: keep the three together.
enum ExitCode : int {
    Success = 0,
    Failed = 1,     ///< the operation failed, or there are findings of severity error
    WrongUsage = 2, ///< options that do not exist or do not fit
    BadInput = 3,   ///< an input file is missing, damaged, does not fit the others or needs more memory
    NotSupported = 4,
    InputOutput = 5, ///< the system refused to read or write
    Interrupted = 130,
};

ExitCode exitCodeOf(const Error &error);
/// Failed if any finding has severity error, else Success.
ExitCode exitCodeOf(const FindingList &findings);
/// The table for --help.
const char *exitCodeHelp();

/// An error in what a file says rather than in the command line: InvalidArgument becomes CorruptFile, so that
/// the shell sees BadInput.
Error inInputFile(Error error);

} // namespace qs::app
