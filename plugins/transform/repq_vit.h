#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// Makes the grids per channel of a LayerNorm's output one grid, by changing its gain and bias.
/// \source Li et al. 2022, arXiv:2212.08254; methods A, A13
struct RepqVit : TransformMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_transform_request &request);
    static void transform(const TransformCall &call);
};

/// The same with both ends of every channel clipped apart.
/// \source Li et al. 2024, arXiv:2402.05628; methods A, A14 (i)
struct RepQuant : TransformMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_transform_request &request);
    static void transform(const TransformCall &call);
};

} // namespace qs
