#include "core/base/parallel.h"

#include <algorithm>
#include <map>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

namespace qs {
namespace {

/// An arena of the calling thread. Made anew for every loop, an arena sends its workers to sleep when it
/// goes, and waking them takes longer than most kernels of a small model.
oneapi::tbb::task_arena &arenaOf(int threads) {
    thread_local std::map<int, oneapi::tbb::task_arena> arenas;
    return arenas.try_emplace(threads, threads).first->second;
}

} // namespace

Status parallelFor(std::int64_t count, std::int64_t grain, const RunContext &ctx,
                   const std::function<void(std::int64_t, std::int64_t)> &body) {
    if (count <= 0)
        return {};
    const std::int64_t blocks = (count + grain - 1) / grain;
    auto runBlock = [&](std::int64_t block) {
        if (!ctx.cancelled())
            body(block * grain, std::min(count, (block + 1) * grain));
    };
    if (blocks == 1 || ctx.maxThreads == 1) {
        for (std::int64_t block = 0; block < blocks && !ctx.cancelled(); ++block)
            runBlock(block);
    } else {
        // TBB prints a warning when asked for more threads than there are.
        const int cores = oneapi::tbb::info::default_concurrency();
        const int threads = ctx.maxThreads > 0 ? std::min(ctx.maxThreads, cores) : cores;
        // Isolated: a thread that waits for a loop inside a block must not begin another block meanwhile.
        arenaOf(threads).execute([&] {
            oneapi::tbb::this_task_arena::isolate(
                [&] { oneapi::tbb::parallel_for(std::int64_t{0}, blocks, runBlock); });
        });
    }
    if (ctx.cancelled())
        return RunContext::cancelledError();
    return {};
}

Status parallelTasks(std::int64_t count, const RunContext &ctx,
                     const std::function<Status(std::int64_t task)> &body) {
    std::vector<Status> results(static_cast<std::size_t>(count));
    QS_CHECK_OK(parallelFor(count, 1, ctx, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t task = begin; task < end; ++task)
            results[static_cast<std::size_t>(task)] = body(task);
    }));
    for (Status &result : results)
        QS_CHECK_OK(std::move(result));
    return {};
}

} // namespace qs
