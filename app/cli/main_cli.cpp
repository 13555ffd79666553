#include "app/cli/command_runner.h"
#include "app/cli/interrupt.h"

#include <CLI/CLI.hpp>

namespace {

void addCommonOptions(CLI::App &app, qs::app::CommonOptions &options) {
    const auto group = "Common";
    app.add_flag("--json", options.json, "Print one JSON document to standard output")->group(group);
    app.add_flag("-q,--quiet", options.quiet, "No progress, no findings of severity info")->group(group);
    app.add_option("--threads", options.threads, "Threads to use (0 = all cores)")
        ->check(CLI::Range(0, 4096))
        ->type_name("N")
        ->group(group);
}

} // namespace

int main(int argc, char **argv) {
    using namespace qs::app;
    const Interrupt interrupt; // before anything starts a thread
    CLI::App app{"qscope: what quantization does to a neural network, without a display", "qscope"};
    app.set_version_flag("--version", "qscope " QS_VERSION);
    app.require_subcommand(1);
    app.footer(std::string(exitCodeHelp()) + "\n`qscope COMMAND --help` tells the options of a command.");

    CommonOptions options;
    const auto commands = builtinCommands();
    Command *chosen = nullptr;
    for (const auto &command : commands) {
        CLI::App *subcommand = app.add_subcommand(command->name(), command->summary());
        command->addOptions(*subcommand);
        addCommonOptions(*subcommand, options);
        subcommand->final_callback([&chosen, &command] { chosen = command.get(); });
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError &error) {
        return app.exit(error) == 0 ? Success : WrongUsage; // the library has exit codes of its own
    }
    return runCommand(*chosen, options, interrupt.token());
}
