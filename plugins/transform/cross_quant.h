#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// The static half of CrossQuant: every channel is divided by c_j^(1 − alpha).
/// \source Liu et al. 2024, arXiv:2410.07505; methods A, A21
struct CrossQuant : TransformMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_transform_request &request);
    static void transform(const TransformCall &call);
};

} // namespace qs
