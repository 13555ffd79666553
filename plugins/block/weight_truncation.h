#pragma once

#include "plugins/block/solver_block.h"

namespace qs {

/// Ends the grids of a layer at its largest weight that is no outlier, and rounds to nearest on them. Slices
/// without outliers keep their grids, as do those that end before, whatever the reason.
/// \return slices that were changed
/// \source CBQ, Ding et al. 2023, arXiv:2312.07950, coarse-to-fine preprocessing; methods A, A27
std::int64_t truncateOutliers(SolverLayer &layer, double varianceWeight);

/// The host's grid of `bits` bits for a range; symmetric conventions take the larger end.
ScaleZero gridOfRange(const SolverLayer &layer, double lo, double hi);

} // namespace qs
