#include "core/base/parallel.h"

#include <algorithm>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

namespace qs {

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
        for (std::int64_t block = 0; block < blocks; ++block)
            runBlock(block);
    } else {
        // TBB prints a warning when asked for more threads than there are.
        const int cores = oneapi::tbb::info::default_concurrency();
        oneapi::tbb::task_arena arena(ctx.maxThreads > 0 ? std::min(ctx.maxThreads, cores) : cores);
        arena.execute([&] { oneapi::tbb::parallel_for(std::int64_t{0}, blocks, runBlock); });
    }
    if (ctx.cancelled())
        return RunContext::cancelledError();
    return {};
}

} // namespace qs
