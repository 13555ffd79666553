#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// Round to nearest, then the scales that leave the smallest output error under these codes:
/// s = w H cᵀ / (c H cᵀ), c = code − zero point. \source methods A, A34, last lines
struct ScaleRefit {
    static PluginMethodInfo info();
    static std::string refusal(const qs_quantize_request &request);
    static void quantize(const PluginCall &call);
};

/// The quantization part of UDFC: round to nearest, then each output channel times the number that brings it
/// nearest to the float channel. The paper folds that number into the next layer, bias included; here it goes
/// into the channel's own scale. That is the same function where ReLU lies between, leaves the bias exact,
/// and needs no pairing of layers: the bias term of the paper's objective and the batch norm cancel. The part
/// that replaces pruned channels is missing. \source methods A, A33
struct Udfc {
    static PluginMethodInfo info();
    static std::string refusal(const qs_quantize_request &request);
    static void quantize(const PluginCall &call);
};

} // namespace qs
