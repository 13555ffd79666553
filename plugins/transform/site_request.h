#pragma once

#include "plugins/transform/site.h"
#include "plugins/transform/site_error.h"

#include <quantoscope/plugin.hpp>

namespace qs {

/// The site of a request; views into the buffers of the host.
SiteData siteOf(const qs_transform_request &request);
/// The services of the host, valid while the call lasts.
TransformServices servicesOf(const TransformCall &call);
/// Writes a change into the result.
void store(const TransformCall &call, const ChannelChange &change);

/// Ends the call with the error of a result, or gives its value.
template <typename T>
T valueOf(Result<T> result) {
    if (!result)
        throw PluginError(result.error().code == ErrorCode::Cancelled ? QS_CANCELLED : QS_INVALID_ARGUMENT,
                          result.error().message);
    return *std::move(result);
}

/// Why a method with the parameter insert_operators leaves a tensor alone; "" if it does not.
std::string operatorRefusal(const qs_transform_request &request);

/// Whether the outputs of the readers can be computed from the inputs that calibration kept: it keeps none of
/// convolutions with a kernel.
bool knowsOutputs(const SiteData &site);
/// Tries the ratios k / steps, k = 0..steps, by the output error of the readers, and tells the user
/// which was best.
ChannelChange bestRatio(const TransformCall &call, const char *method, const SiteData &site, int steps,
                        const std::function<ChannelChange(double ratio)> &change);

} // namespace qs
