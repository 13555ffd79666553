#pragma once

#include "core/quant/quantizer.h"

#include <quantoscope/plugin.h>

/// What the services of the host need to know about one call; plugins see it as an opaque handle.
struct qs_call {
    const qs::QuantizeRequest &request;
    const qs::RunContext &ctx;
    std::int64_t part = 0; ///< convolution group that this call is about
    std::int64_t parts = 1;
};

namespace qs {

/// The one table of services that every plugin gets.
/// \thread the functions are safe to call from any thread
const qs_host &pluginHost();

} // namespace qs
