#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// SmoothQuant after the middle of every channel was taken off: shift and scale.
/// \source Tai and Wu 2024 (MPTQ-ViT), arXiv:2401.14895; methods A, A8
struct SmoothQuantBias : TransformMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_transform_request &request);
    static void transform(const TransformCall &call);
};

} // namespace qs
