#include "app/cli/exit_code.h"

#include <algorithm>

namespace qs::app {

ExitCode exitCodeOf(const Error &error) {
    switch (error.code) {
    case ErrorCode::InvalidArgument:
        return WrongUsage;
    case ErrorCode::NotFound:
    case ErrorCode::CorruptFile:
    case ErrorCode::OutOfMemory:
        return BadInput;
    case ErrorCode::Unsupported:
        return NotSupported;
    case ErrorCode::IoError:
        return InputOutput;
    case ErrorCode::Cancelled:
        return Interrupted;
    case ErrorCode::PluginFailure:
        return Failed;
    }
    return Failed;
}

ExitCode exitCodeOf(const FindingList &findings) {
    const auto entries = findings.snapshot();
    const bool failed = std::any_of(entries.begin(), entries.end(), [](const FindingList::Entry &entry) {
        return entry.finding.severity == Severity::Error;
    });
    return failed ? Failed : Success;
}

const char *exitCodeHelp() {
    return "Exit codes:\n"
           "  0    all is well\n"
           "  1    the operation failed, or there are findings of severity error\n"
           "  2    wrong usage: an option that does not exist or does not fit\n"
           "  3    an input file is missing, damaged, does not fit the others or needs more memory than "
           "allowed\n"
           "  4    the input is legal, but this version cannot handle it (unknown format, missing operator)\n"
           "  5    the system refused to read or write\n"
           "  130  interrupted with Ctrl+C; nothing half-written is left\n";
}

Error inInputFile(Error error) {
    if (error.code == ErrorCode::InvalidArgument)
        error.code = ErrorCode::CorruptFile;
    return error;
}

} // namespace qs::app
