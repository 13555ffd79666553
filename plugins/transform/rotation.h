#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// x R with an orthogonal R at every site: randomised Hadamard, or uniformly random.
/// \source Ashkboos et al. 2024 (QuaRot), arXiv:2404.00456; methods A, A11
struct Rotation : TransformMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_transform_request &request);
    static void transform(const TransformCall &call);
};

/// The same matrix for the residual stream of a transformer: QuaRot's offline rotation.
/// \source Ashkboos et al. 2024 (QuaRot), arXiv:2404.00456; methods A, A11
struct ResidualRotation : TransformMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_transform_request &request);
    static void transform(const TransformCall &call);
};

} // namespace qs
