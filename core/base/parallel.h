#pragma once

#include "core/base/run_context.h"

#include <cstdint>
#include <functional>

namespace qs {

/// Calls body(begin, end) over disjoint blocks that cover [0, count), on at most ctx.maxThreads threads.
///
/// Blocks are at most `grain` long and cut at multiples of `grain`, whatever the thread count, so a body that
/// reduces per block gives the same result on any machine.
/// \error  Cancelled  ctx.stop was requested; some blocks were not run
/// \thread body must be safe to call concurrently
Status parallelFor(std::int64_t count, std::int64_t grain, const RunContext &ctx,
                   const std::function<void(std::int64_t begin, std::int64_t end)> &body);

/// parallelFor() over single tasks, for bodies that can fail: the first failure (by task order) is reported.
Status parallelTasks(std::int64_t count, const RunContext &ctx,
                     const std::function<Status(std::int64_t task)> &body);

} // namespace qs
