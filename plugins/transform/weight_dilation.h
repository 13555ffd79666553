#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// Widens input channels of the weights as far as no range grows, and narrows the activations by as much.
/// \source Liu et al. 2024 (DilateQuant), arXiv:2409.14307; methods A, A15
struct WeightDilation : TransformMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_transform_request &request);
    static void transform(const TransformCall &call);
};

} // namespace qs
