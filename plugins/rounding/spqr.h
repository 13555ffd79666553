#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// SpQR as a method of the plugin.
/// \source Dettmers et al. 2023, arXiv:2306.03078; methods A19
struct Spqr : QuantizerMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_quantize_request &request);
    static void quantize(const PluginCall &call);
};

} // namespace qs
