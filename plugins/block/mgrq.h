#pragma once

#include "plugins/block/block_solver.h"

#include <nlohmann/json_fwd.hpp>
#include <quantoscope/plugin.hpp>

namespace qs {

/// MGRQ: block reconstruction that looks at the model's outputs and at those of the layers as well.
/// \source MGRQ (mixed-granularity reconstruction for vision transformers); methods A, A28, from the abstract
struct Mgrq : BlockMethod {
    static PluginMethodInfo info();
    static void plan(const char *parameters, qs_block_plan &plan);
    static void reconstruct(const BlockCall &call);
};

/// What the solver is told for these parameters.
BlockSolverOptions mgrqOptions(const nlohmann::json &parameters);

} // namespace qs
