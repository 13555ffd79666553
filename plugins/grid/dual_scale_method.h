#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// D2Quant's dual-scale levels without column scales. \source D2Quant; methods A, A22
struct DualScale : QuantizerMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_quantize_request &request);
    static void quantize(const PluginCall &call);
};

/// The same inside GPTQ, as its authors use it.
struct DualScaleFeedback : QuantizerMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_quantize_request &request);
    static void quantize(const PluginCall &call);
};

} // namespace qs
