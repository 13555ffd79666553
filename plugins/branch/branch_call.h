#pragma once

#include "plugins/branch/low_rank_branch.h"

#include <quantoscope/plugin.hpp>

namespace qs {

/// The problem of a request: its weights, and the quantizer of the recipe behind roundTrip(). Refers to the
/// call, which must outlive it.
BranchProblem problemOf(const BranchCall &call);

/// Hands the factors to the host.
void store(const BranchCall &call, const BranchFit &fit);

/// Says which way the singular vectors came about where it is not exact.
void reportDecomposition(const BranchCall &call, const char *method);

} // namespace qs
