#pragma once

#include "core/base/run_context.h"

#include <functional>

namespace qs {

/// Runs `work` in a child process that shares nothing with this one, to learn whether it survives. For
/// libraries that damaged files make crash or loop: what kills the child does not touch the program. `work`
/// may use no lock that another thread may hold now and no thread of its own; what it changes is lost. \param
/// cpuSeconds  processor time after which the child counts as hanging \error CorruptFile  it crashed or hung;
/// IoError  no process could be started;  Cancelled
Status runIsolated(const std::function<void()> &work, int cpuSeconds, const RunContext &ctx);

} // namespace qs
