#pragma once

#include "core/base/result.h"

#include <cstdint>
#include <stop_token>
#include <string_view>

namespace qs {

/// Receives progress of one job. Implementations throttle; step() may be called from any thread.
class ProgressSink {
public:
    virtual ~ProgressSink() = default;
    /// \param done, total  finished and all work units of this stage; total 0 = unknown
    /// \param stage        what is being done, for people: "calibrating", "GPTQ layers.0.q_proj"
    virtual void step(std::int64_t done, std::int64_t total, std::string_view stage) = 0;
};

/// What a caller hands to every core function that may take longer than 50 ms.
/// Cheap to copy. The sink must outlive the call.
struct RunContext {
    std::stop_token stop;
    ProgressSink *progress = nullptr;
    int maxThreads = 0; ///< 0 = all cores

    bool cancelled() const { return stop.stop_requested(); }
    void step(std::int64_t done, std::int64_t total, std::string_view stage) const {
        if (progress)
            progress->step(done, total, stage);
    }
    /// Error to return when cancelled() turned true.
    static tl::unexpected<Error> cancelledError() { return fail(ErrorCode::Cancelled, "cancelled"); }
};

} // namespace qs
