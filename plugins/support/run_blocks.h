#pragma once

#include "core/base/parallel.h"
#include "plugins/rounding/solver_services.h"

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

} // namespace qs
