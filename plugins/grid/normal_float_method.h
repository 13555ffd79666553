#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// NormalFloat codebooks. \source Dettmers et al. 2023, arXiv:2305.14314; methods A, A17
struct NormalFloat : QuantizerMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_quantize_request &request);
    static void quantize(const PluginCall &call);
};

} // namespace qs
