#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// LQER: the branch takes the error of the codes. \source Zhang et al. 2024, arXiv:2402.02446; methods A, A18
struct Lqer : BranchMethod {
    static PluginMethodInfo info();
    static void decompose(const BranchCall &call);
};

/// L2QER: the same, errors weighted by the mean magnitude of the inputs.
struct L2qer : BranchMethod {
    static PluginMethodInfo info();
    static void decompose(const BranchCall &call);
};

} // namespace qs
