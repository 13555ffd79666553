#pragma once

#include "plugins/block/block_solver.h"

#include <nlohmann/json_fwd.hpp>
#include <quantoscope/plugin.hpp>

namespace qs {

/// CBQ: several blocks at once in a sliding window, few rounding variables, outliers of the weights
/// truncated. \source Ding et al. 2023, arXiv:2312.07950; methods A, A27
struct Cbq : BlockMethod {
    static PluginMethodInfo info();
    static void plan(const char *parameters, qs_block_plan &plan);
    static void reconstruct(const BlockCall &call);
};

/// What the solver is told for these parameters.
BlockSolverOptions cbqOptions(const nlohmann::json &parameters);

} // namespace qs
