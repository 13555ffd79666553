#include "app/cli/command_runner.h"

#include "app/cli/terminal_progress.h"
#include "core/base/json_text.h"
#include "core/base/number_text.h"
#include "core/io/mapped_file.h"

#include <cstdio>
#include <exception>
#include <fmt/format.h>

namespace qs::app {
namespace {

void printFinding(const FindingList::Entry &entry) {
    const Finding &finding = entry.finding;
    std::string text = fmt::format("{}: ", severityName(finding.severity));
    if (!finding.where.empty())
        text += printable(finding.where) + ": ";
    text += printable(finding.what);
    if (entry.count > 1)
        text += fmt::format(" ({} times)", entry.count);
    fmt::print(stderr, "{}\n", text);
    if (!finding.action.empty())
        fmt::print(stderr, "    -> {}\n", printable(finding.action));
}

void printFindings(const FindingList &findings, bool quiet) {
    for (const FindingList::Entry &entry : findings.snapshot())
        if (!quiet || entry.finding.severity != Severity::Info)
            printFinding(entry);
}

/// \return false when standard output could not take it (a full disk behind a redirection)
bool print(const CommandOutput &output, bool json) {
    const std::string text = json ? jsonText(output.document) : output.text;
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
}

CommandOutput errorOutput(const Error &error) {
    return {{{"error",
              {{"code", errorCodeName(error.code)}, {"where", error.where}, {"message", error.message}}}},
            {}};
}

/// Core throws nothing, but memory can end anywhere; the user gets a sentence instead of an abort.
Result<CommandOutput> runGuarded(Command &command, const CommandContext &context) {
    try {
        return command.run(context);
    } catch (const std::bad_alloc &) {
        return fail(ErrorCode::OutOfMemory, "memory is not enough. Use fewer samples or a smaller model.");
    } catch (const std::exception &exception) {
        return fail(ErrorCode::PluginFailure, fmt::format("unexpected failure: {}", exception.what()));
    }
}

} // namespace

ExitCode runCommand(Command &command, const CommonOptions &options, std::stop_token stop) {
    FindingList findings;
    const auto progress = options.quiet ? nullptr : TerminalProgress::forTerminal();
    const CommandContext context{{std::move(stop), progress.get(), options.threads}, findings};
    const Result<CommandOutput> output = runGuarded(command, context);
    if (progress)
        progress->clear();
    for (const std::filesystem::path &file : damagedMappedFiles())
        findings.add(damagedFileFinding(file));
    printFindings(findings, options.quiet);
    if (!output) {
        if (options.json)
            print(errorOutput(output.error()), true);
        const bool cancelled = output.error().code == ErrorCode::Cancelled;
        fmt::print(stderr, "{}\n", cancelled ? "cancelled" : "error: " + printable(output.error().text()));
        return exitCodeOf(output.error());
    }
    if (!print(*output, options.json)) {
        fmt::print(stderr, "error: cannot write to standard output\n");
        return InputOutput;
    }
    return exitCodeOf(findings);
}

} // namespace qs::app
