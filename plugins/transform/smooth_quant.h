#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// Moves part of the outliers of activations into the weights: scale s_j = a_j^alpha / w_j^(1 − alpha).
/// \source Xiao et al. 2022, arXiv:2211.10438; methods A, A7
struct SmoothQuant : TransformMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_transform_request &request);
    static void transform(const TransformCall &call);
};

} // namespace qs
