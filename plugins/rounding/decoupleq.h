#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// decoupleQ, layer by layer, as a method of the plugin.
/// \source Guo et al. 2024, arXiv:2404.12759; methods A4
struct DecoupleQ : QuantizerMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_quantize_request &request);
    static void quantize(const PluginCall &call);
};

} // namespace qs
