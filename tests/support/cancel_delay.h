#pragma once

#include "core/base/run_context.h"

#include <atomic>
#include <functional>
#include <pthread.h>
#include <thread>
#include <time.h>

namespace qs::test {

/// What a call still needed after Cancel, in CPU time of its thread.
struct CancelDelay {
    double seconds = 0;        ///< from Cancel to the return
    double cancelledAfter = 0; ///< CPU seconds into the call
};

inline double cpuSeconds(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Calls on this thread alone and cancels when the call has used that much CPU time. A call that ends before
/// has no delay.
inline CancelDelay cancelDelay(const std::function<void(const RunContext &)> &call, double after) {
    clockid_t clock{};
    pthread_getcpuclockid(pthread_self(), &clock);
    std::stop_source stop;
    std::atomic<double> stopped = 0;
    const double begin = cpuSeconds(clock);
    std::jthread canceller([&](const std::stop_token &ended) {
        while (!ended.stop_requested() && cpuSeconds(clock) - begin < after)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        if (ended.stop_requested())
            return;
        stopped = cpuSeconds(clock);
        stop.request_stop();
    });
    RunContext ctx{stop.get_token()};
    ctx.maxThreads = 1;
    call(ctx);
    const double returned = cpuSeconds(clock);
    canceller.request_stop();
    canceller.join();
    return {stopped > 0 ? std::max(0.0, returned - stopped) : 0, after};
}

/// The longest delay over several moments of the call.
inline CancelDelay worstCancelDelay(const std::function<void(const RunContext &)> &call) {
    CancelDelay worst;
    for (const double after : {0.002, 0.03, 0.1, 0.25, 0.6})
        if (const CancelDelay delay = cancelDelay(call, after); delay.seconds > worst.seconds)
            worst = delay;
    return worst;
}

} // namespace qs::test
