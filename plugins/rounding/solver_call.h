#pragma once

#include "plugins/rounding/kept_values.h"
#include "plugins/rounding/layer_grids.h"
#include "plugins/support/method_call.h"

namespace qs {

/// What rounding methods add to plugins/support/method_call.h.

SliceScheme schemeOf(const qs_quantize_request &request);

/// Writes codes and grids into the buffers of the host; zero points as real numbers where the method stores
/// these.
void store(const PluginCall &call, const LayerCodes &layer);
void store(const PluginCall &call, const KeptValues &outliers);

/// Reason to refuse a request, when a method cannot use one grid for the whole weight; empty = fine.
std::string refusePerTensor(const qs_quantize_request &request, const char *reason);

} // namespace qs
