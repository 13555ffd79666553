#pragma once

#include "plugins/rounding/kept_values.h"
#include "plugins/rounding/layer_grids.h"

#include <nlohmann/json.hpp>
#include <quantoscope/plugin.hpp>

namespace qs {

/// From a request of the host to what solvers take, and back: the same for every rounding method.

SliceScheme schemeOf(const qs_quantize_request &request);
SolverServices servicesOf(const PluginCall &call, const char *method);
nlohmann::json parametersOf(const qs_quantize_request &request);
MatrixView<const float> weightsOf(const PluginCall &call);
MatrixView<const double> hessianOf(const PluginCall &call);

/// Ends the call with the error of a solver, if there is one.
template <typename T>
T valueOrThrow(const PluginCall &call, Result<T> result) {
    call.throwIfCancelled();
    if (!result)
        throw PluginError(QS_INVALID_ARGUMENT, result.error().message);
    return std::move(*result);
}
/// Writes codes and grids into the buffers of the host; zero points as real numbers where the method stores
/// these.
void store(const PluginCall &call, const LayerCodes &layer);
void store(const PluginCall &call, const KeptValues &outliers);

/// Reason to refuse a request, when a method cannot use one grid for the whole weight; empty = fine.
std::string refusePerTensor(const qs_quantize_request &request, const char *reason);

} // namespace qs
