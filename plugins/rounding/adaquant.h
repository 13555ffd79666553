#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// AdaQuant of weights, layer by layer, as a method of the plugin.
/// \source Hubara et al. 2020, arXiv:2006.10518; methods A30
struct AdaQuant : QuantizerMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_quantize_request &request);
    static void quantize(const PluginCall &call);
};

} // namespace qs
