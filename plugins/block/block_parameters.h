#pragma once

#include "plugins/block/block_solver.h"

#include <nlohmann/json.hpp>
#include <quantoscope/plugin.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace qs {

/// Schema of a method of the family.
/// \param shared   names of parameters that several methods have
/// \param own      JSON object of the properties that the method adds or words otherwise
std::string blockParameters(std::initializer_list<std::string_view> shared, const char *own);

/// What the parameters say; those that a method has not keep the defaults of the solver.
BlockSolverOptions solverOptions(const nlohmann::json &parameters);
ObjectiveOptions objectiveOptions(const nlohmann::json &parameters);

/// Batch size and samples.
void planSamples(const nlohmann::json &parameters, qs_block_plan &plan);

} // namespace qs
