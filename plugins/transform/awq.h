#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// Scale search of AWQ: s_j = mean|x_j|^ratio, the ratio with the least error of the readers' outputs.
/// \source Lin et al. 2023, arXiv:2306.00978; methods A, A6
struct Awq : TransformMethod {
    static PluginMethodInfo info();
    static std::string refusal(const qs_transform_request &request);
    static void transform(const TransformCall &call);
};

} // namespace qs
