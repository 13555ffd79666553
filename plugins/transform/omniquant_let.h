#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// Scale per channel learned on the outputs of the readers, and the middle of the channels as shift.
/// \source Shao et al. 2023 (OmniQuant), arXiv:2308.13137; methods A, A9
struct OmniquantLet : TransformMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_transform_request &request);
    static void transform(const TransformCall &call);
};

} // namespace qs
