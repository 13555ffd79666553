#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// AdaRound as a method of the plugin.
/// \source Nagel et al. 2020, arXiv:2004.10568; methods A23
struct AdaRound {
    static PluginMethodInfo info();
    static std::string refusal(const qs_quantize_request &request);
    static void quantize(const PluginCall &call);
};

} // namespace qs
