#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// The activation half of CBQ's coarse-to-fine preprocessing: outlier channels alone are scaled down.
/// \source Ding et al. 2023, arXiv:2312.07950; methods A, A27
struct OutlierScale : TransformMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_transform_request &request);
    static void transform(const TransformCall &call);
};

} // namespace qs
