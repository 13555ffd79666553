#pragma once

#include "core/base/run_context.h"

#include <span>

namespace qs {

/// Kendall's τ-b of two scores of the same things: 1 the same order, −1 the opposite; 0 when either is
/// constant. O(n²) comparisons. \error Cancelled \thread parallel; the result does not depend on the thread
/// count \source Kendall 1945, The treatment of ties in ranking problems
Result<double> kendallTau(std::span<const double> a, std::span<const double> b, const RunContext &ctx);

/// Share of the k highest of `a` that are among the k highest of `b`; of equals the first counts as higher.
/// \param k  1..size
double topOverlap(std::span<const double> a, std::span<const double> b, std::size_t k);

} // namespace qs
