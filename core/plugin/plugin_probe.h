#pragma once

#include "core/base/run_context.h"
#include "core/plugin/plugin_library.h"

#include <chrono>

namespace qs {

/// How a run of the helper `qscope-plugin-probe` ended. The helper loads a plugin in a process of its own.
struct ProbeReply {
    enum class End { Exited, Signalled, TimedOut };
    End end = End::Exited;
    int code = 0;       ///< exit code, or signal number
    std::string output; ///< what the helper reported before it ended
};

/// Runs the helper that lies beside the running program: `qscope-plugin-probe MODE FILE`.
/// \error NotFound  the helper is missing;  IoError  it cannot be started;  Cancelled  (it is killed)
Result<ProbeReply> runProbe(const std::string &mode, const std::filesystem::path &file,
                            std::chrono::milliseconds timeout, const RunContext &ctx);

/// What a crash or time-out means: "crashed with SIGSEGV while loading". Empty when the helper exited by
/// itself.
std::string describeEnd(const ProbeReply &reply, std::string_view doing);

/// Loads, initialises and unloads the plugin in the helper.
/// \return nothing when all went well, else why the plugin must not be loaded
/// \error as runProbe
Result<std::optional<PluginProblem>> probePlugin(const std::filesystem::path &file,
                                                 std::chrono::milliseconds timeout);

} // namespace qs
