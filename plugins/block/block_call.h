#pragma once

#include "plugins/block/solver_block.h"

#include <quantoscope/plugin.hpp>

namespace qs {

/// Between the ABI and the solvers of the family.

std::vector<SolverLayer> layersOf(const qs_block_request &request);
/// The services of the host, valid while the call lasts. \param name  of the method, before what it tells
BlockSolverServices blockServicesOf(const BlockCall &call, const char *name);
/// Writes a solution into the result and says how well it went, or ends the call with its error.
void store(const BlockCall &call, const char *name, const Result<BlockSolution> &solution);

} // namespace qs
