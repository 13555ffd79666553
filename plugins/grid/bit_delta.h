#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// One bit a weight: its sign, times the mean magnitude of its slice, which is the scale of least squared
/// error. Made for the difference of a fine-tuned model and its base. The paper goes on to train the scales
/// on the output of the network, which is left out here. \source Liu et al. 2024, BitDelta, arXiv:2402.10193,
/// section 3.1 (one scale per matrix)
struct BitDelta : QuantizerMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_quantize_request &request);
    static void quantize(const PluginCall &call);
};

} // namespace qs
