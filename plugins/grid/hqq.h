#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// HQQ as a method of the plugin. \source Badri and Shaji 2023; methods A, A5
struct Hqq : QuantizerMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_quantize_request &request);
    static void quantize(const PluginCall &call);
};

} // namespace qs
