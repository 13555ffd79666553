#pragma once

#include "core/quant/range_rule.h"

#include <vector>

namespace qs {

/// Shrink factor p in {1, 1-1/gridSteps, …} for which the grid of [p·lo, p·hi] has the smallest Σ
/// w|Q(x)-x|^norm; the largest such p on a tie. \param weights  one per value, or empty for weights of 1
/// \param range    with 0 inside for asymmetric grids, symmetric for the others
/// \error  Cancelled
/// \thread candidates run in parallel; the result does not depend on the thread count
Result<double> bestShrink(std::span<const float> values, std::span<const double> weights, ValueRange range,
                          const GridScheme &scheme, const RunContext &ctx);

/// Σ w|Q(x)-x|^norm on the grid of `range`; a plain loop, the oracle of bestShrink in tests.
double gridCostReference(std::span<const float> values, std::span<const double> weights, ValueRange range,
                         const GridScheme &scheme);

/// KL divergence between P, the leading `bins` counts with all that lies beyond added to the last, and Q, the
/// same bins without that tail, averaged over the occupied bins of each of `levels` even parts. Both are
/// normalised. Infinite where Q is 0 and P is not.
double entropyDivergence(const std::vector<double> &counts, int bins, int levels);

/// Number of leading bins of a histogram of |x| that entropy calibration keeps: those with the smallest
/// divergence, the last on a tie; all of them when the histogram is empty. The first bin is replaced by the
/// second before, to suppress the spike of zeros. \param levels  positive steps of the grid; also the first
/// candidate \source methods A, A1 step 5
int entropyClipBins(std::vector<double> counts, int levels);

} // namespace qs
