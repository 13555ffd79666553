#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// SVDQuant's decomposition: the branch takes the leading part of the weight, the codes take the rest.
/// \source Li et al. 2024, arXiv:2411.05007; methods A, A16
struct SvdQuant : BranchMethod {
    static PluginMethodInfo info();
    static void decompose(const BranchCall &call);
};

/// LQ-LoRA's decomposition: branch and codes in turn until the weight error rises.
/// \source Guo et al. 2023, arXiv:2311.12023; methods A, A17
struct LqLora : BranchMethod {
    static PluginMethodInfo info();
    static void decompose(const BranchCall &call);
};

} // namespace qs
