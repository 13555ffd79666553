#pragma once

#include "core/base/parallel.h"
#include "plugins/support/slices.h"
#include "plugins/support/solver_services.h"

namespace qs {

/// parallelFor with the cancel and the thread limit of the services.
/// \error Cancelled  some blocks were not run
inline Status runBlocks(std::int64_t count, std::int64_t grain, const SolverServices &services,
                        const std::function<void(std::int64_t begin, std::int64_t end)> &body) {
    QS_CHECK_OK(parallelFor(count, grain, RunContext{{}, nullptr, services.maxThreads},
                            [&](std::int64_t begin, std::int64_t end) {
                                if (!services.cancelled())
                                    body(begin, end);
                            }));
    if (services.cancelled())
        return RunContext::cancelledError();
    return {};
}

/// Calls body(slice, begin, end) for elements [begin, end) of every slice, in parallel; a slice of the whole
/// matrix comes in several parts.
/// \error Cancelled  some parts were not run
template <typename Body>
Status forSliceParts(const Slices &slices, const SolverServices &services, const Body &body) {
    if (slices.count() == 1)
        return runBlocks(slices.size(0), 65536, services,
                         [&](std::int64_t begin, std::int64_t end) { body(std::int64_t{0}, begin, end); });
    return runBlocks(slices.count(), slices.grain(), services, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t slice = first; slice < last; ++slice)
            body(slice, slices.begin(slice), slices.begin(slice) + slices.size(slice));
    });
}

} // namespace qs
