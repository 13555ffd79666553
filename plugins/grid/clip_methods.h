#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// OmniQuant's learnable weight clipping, searched instead of learned.
/// \source Shao et al. 2023, arXiv:2308.13137; methods A, A9
struct OmniQuantClip : QuantizerMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_quantize_request &request);
    static void quantize(const PluginCall &call);
};

/// AWQ's search for one clipping magnitude per group.
/// \source Lin et al. 2023, arXiv:2306.00978; methods A, A6
struct AwqClip : QuantizerMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_quantize_request &request);
    static void quantize(const PluginCall &call);
};

} // namespace qs
