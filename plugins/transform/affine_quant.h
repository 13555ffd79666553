#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// A full matrix learned for each site alone, with the gradual mask of AffineQuant.
/// \source Ma et al. 2024, arXiv:2403.12544; methods A, A10
struct AffineQuant : TransformMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_transform_request &request);
    static void transform(const TransformCall &call);
};

} // namespace qs
