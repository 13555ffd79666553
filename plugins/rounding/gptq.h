#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// GPTQ as a method of the plugin: parameters, refusals, and the way from request to solver.
/// \source Frantar et al. 2022, arXiv:2210.17323; methods A, A2
struct Gptq : QuantizerMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_quantize_request &request);
    static void quantize(const PluginCall &call);
};

/// GPTQ with the Hessian of the call, for methods whose parameters hold those of GPTQ that they offer.
void quantizeWithGptq(const PluginCall &call, const char *name);

} // namespace qs
