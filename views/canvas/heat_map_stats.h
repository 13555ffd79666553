#pragma once

#include "core/base/run_context.h"
#include "core/tensor/matrix_source.h"

#include <vector>

namespace qs::views {

/// What colour scales need to know about the values of a map.
struct HeatMapStats {
    std::int64_t count = 0, nonFinite = 0; ///< finite values, and the others
    float lowest = 0, highest = 0;         ///< of the finite ones
    /// Finite values and magnitudes, ascending, of a regular sample of at most 2^18 values.
    std::vector<float> sorted, sortedMagnitudes;

    /// Quantile p in [0, 1] of the values or of |values|, from the sample.
    float quantile(double p) const;
    float magnitudeQuantile(double p) const;
    float largestMagnitude() const;
    /// Of both maps together: for maps that share one scale.
    HeatMapStats joinedWith(const HeatMapStats &other) const;
};

/// \error Cancelled;  \thread parallel over rows; the result does not depend on the thread count
Result<HeatMapStats> statsOf(const MatrixSource &values, const RunContext &ctx);
Result<HeatMapStats> statsOf(const std::vector<std::vector<float>> &rows, const RunContext &ctx);

} // namespace qs::views
