#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// QuantEase as a method of the plugin.
/// \source Behdin et al. 2023, arXiv:2309.01885; methods A3
struct QuantEase : QuantizerMethod {
    static PluginMethodInfo info();
    static void quantize(const PluginCall &call);
};

} // namespace qs
