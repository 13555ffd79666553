#pragma once

#include "core/tensor/dtype.h"
#include "core/tensor/tensor_stats.h"

#include <vector>

namespace qs {

/// Counts in equal-width bins over [lo, hi], as Histogram has them.
struct BinCounts {
    double lo = 0, hi = 1;
    std::vector<std::int64_t> counts;
    std::int64_t below = 0, above = 0;
};

/// How often each of the 65,536 bit patterns of a 16-bit float occurs: one pass over a tensor answers
/// whatever does not ask for the order of its values, in any bins and exactly.
///
/// Wider values can be counted, too, cut to bfloat16: then each is known to less than 2^-7 of itself.
class PatternCounts {
public:
    static constexpr std::size_t kPatterns = 1 << 16;
    /// How far a cut value lies from the one that stands for it, as a share of it. Subnormal float32 numbers
    /// become 0 or keep fewer bits; they are off by less than 2^-133.
    static constexpr double kCutBound = 1.0 / 128;

    /// \param type  Float16 or BFloat16
    explicit PatternCounts(DType type = DType::BFloat16) : m_type(type), m_counts(kPatterns) {}

    DType type() const { return m_type; }
    std::vector<std::int64_t> &counts() { return m_counts; } ///< [kPatterns], by pattern
    const std::vector<std::int64_t> &counts() const { return m_counts; }
    double value(std::size_t pattern) const;

    /// Everything but firstNonFinite, which stays -1. Sums are within 1e-11 of Σ|x - mean|^k. Of cut values
    /// every number is that of the cut ones.
    TensorStats stats() const;
    /// Each value in the bin that Histogram::add() puts it into.
    BinCounts bins(double lo, double hi, int count) const;
    /// The finite value of a rank in ascending order, 1 for the smallest. \param rank  1 to stats().count
    double atRank(std::int64_t rank) const;

private:
    DType m_type;
    std::vector<std::int64_t> m_counts;
};

/// Counts patterns fast, for one thread at a time.
class PatternTally {
public:
    PatternTally() : m_counts(PatternCounts::kPatterns) {}
    void add(std::span<const std::uint16_t> patterns);
    /// The upper half of each value.
    void addCut(std::span<const float> values);
    /// Adds what was counted since the last call.
    void drainInto(std::vector<std::int64_t> &counts);

private:
    std::vector<std::uint32_t>
        m_counts; ///< may overflow after 2^32 - 1 values between two calls of drainInto()
};

} // namespace qs
