#pragma once

#include "plugins/support/method_call.h"
#include "plugins/transform/site.h"
#include "plugins/transform/site_error.h"

#include <quantoscope/plugin.hpp>

namespace qs {

/// The site of a request; views into the buffers of the host.
SiteData siteOf(const qs_transform_request &request);
/// The services of the host, valid while the call lasts. \param method  named in front of what it has to say
TransformServices transformServicesOf(const TransformCall &call, const char *method);
/// Writes a change into the result.
void store(const TransformCall &call, const ChannelChange &change);

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
