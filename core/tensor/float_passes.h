#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace qs {

/// Moments of finite float32 values about their own mean, and their extremes.
struct FloatMoments {
    float min = 0, max = 0;
    std::int64_t zeros = 0;
    double mean = 0, m2 = 0, m3 = 0, m4 = 0; ///< m2…m4: central power sums Σ(x-mean)^k
};

/// Moments of one chunk; the instructions are chosen for the processor at run time (Highway), and every
/// choice gives the same bits: sums are kept in 16 partial sums whatever the width of a vector. \param values
/// at least one; read twice, so a chunk should fit the first-level cache \return false when a value is NaN or
/// infinite; `moments` then means nothing
bool finiteMoments(std::span<const float> values, FloatMoments &moments);
bool finiteMomentsReference(std::span<const float> values, FloatMoments &moments);

/// Equal-width bins over [lo, hi] as Histogram has them.
struct BinGrid {
    double lo = 0, hi = 1;
    double binsPerUnit = 1;
    std::int32_t bins = 1;

    /// Indices that stand for what has no bin.
    std::uint32_t below() const { return static_cast<std::uint32_t>(bins); }
    std::uint32_t above() const { return below() + 1; }
    std::uint32_t nonFinite() const { return below() + 2; }
};

/// Counts each value in its bin, min(bins - 1, ⌊(x - lo)·binsPerUnit⌋ in float64), or at one of the indices
/// above. \param counts  [bins + 3]
void countBins(std::span<const float> values, const BinGrid &grid, std::int64_t *counts);
void countBinsReference(std::span<const float> values, const BinGrid &grid, std::int64_t *counts);

/// The largest pattern without its sign of 16- or 32-bit floats, 0 where all are `infinity` and above: the
/// largest finite magnitude, as patterns ascend with it.
std::uint16_t largestMagnitude(std::span<const std::uint16_t> patterns, std::uint16_t infinity);
std::uint32_t largestMagnitude(std::span<const std::uint32_t> patterns, std::uint32_t infinity);
/// The same for each column: largest[i] = max(largest[i], magnitude of row[i]).
void raiseMagnitudes(std::span<const std::uint16_t> row, std::uint16_t infinity, std::uint16_t *largest);
void raiseMagnitudes(std::span<const std::uint32_t> row, std::uint32_t infinity, std::uint32_t *largest);

} // namespace qs
