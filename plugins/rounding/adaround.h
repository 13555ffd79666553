#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// AdaRound as a method of the plugin.
/// \source Nagel et al. 2020, arXiv:2004.10568; methods A23
struct AdaRound : QuantizerMethod {
    static PluginMethodInfo info();
    static void quantize(const PluginCall &call);
};

} // namespace qs
