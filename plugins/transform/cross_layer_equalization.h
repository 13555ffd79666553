#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// Gives a channel the same range in the layer that produces it and in those that read it.
/// \source Nagel et al. 2019, arXiv:1906.04721; methods A, A31
struct CrossLayerEqualization : TransformMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_transform_request &request);
    static void transform(const TransformCall &call);
};

} // namespace qs
