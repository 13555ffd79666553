#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// QuantEase as a method of the plugin.
/// \source Behdin et al. 2023, arXiv:2309.01885; methods A3
struct QuantEase {
    static PluginMethodInfo info();
    static std::string refusal(const qs_quantize_request &request);
    static void quantize(const PluginCall &call);
};

} // namespace qs
