#pragma once

#include "core/base/run_context.h"

#include <cstdint>
#include <span>

namespace qs {

/// Mergeable one-pass statistics of real values. Non-finite values are counted apart and enter nothing else.
/// Sums are kept in float64; the result does not depend on the thread count.
struct TensorStats {
    std::int64_t count = 0; ///< finite values
    std::int64_t nanCount = 0;
    std::int64_t infCount = 0;
    std::int64_t zeroCount = 0;
    std::int64_t firstNonFinite = -1; ///< index of the first NaN or Inf, -1 when there is none
    double min = 0, max = 0;          ///< 0 when count is 0
    double mean = 0;
    double m2 = 0, m3 = 0, m4 = 0; ///< central power sums: Σ(x-mean)^k

    double absMax() const;
    double variance() const; ///< population
    double standardDeviation() const;
    double rms() const;
    double skewness() const;
    double crestFactor() const; ///< max|x| / rms; 0 for zeros
    double kurtosis() const;    ///< m4/m2², 3 for a normal distribution; 0 when constant

    /// Joins the statistics of two disjoint parts; `other` follows this one (for firstNonFinite).
    void merge(const TensorStats &other);
};

/// Statistics of float values.
/// \error  Cancelled
/// \thread parallel over fixed blocks
/// \source Pébay 2008, SAND2008-6212 (merging of moments)
Result<TensorStats> computeStats(std::span<const float> values, const RunContext &ctx);

} // namespace qs
