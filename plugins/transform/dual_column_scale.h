#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// Column scales of a joint fit of rows and columns, given to the layer that produces the inputs.
/// \source D2Quant, dual-scale quantizer; methods A, A22
struct DualColumnScale : TransformMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_transform_request &request);
    static void transform(const TransformCall &call);
};

} // namespace qs
