#pragma once

#include "core/base/run_context.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace qs {

/// The finite values of a tensor in ascending order, with the moments of blocks of them: after that, the
/// squared distance of any run of neighbours to one level takes some hundred operations, whatever the size
/// of the tensor. That is what makes the error of any format over any clip range exact at once.
///
/// Sums are in float64 and add only terms >= 0 (the moments are central), so nothing cancels: the relative
/// error of a sum is some 1e-15, also beside huge outliers.
class SortedValues {
public:
    SortedValues() = default;
    /// Values that build() sorts at most: 1 GiB while it works, some seconds.
    static constexpr std::int64_t kMost = std::int64_t{1} << 27;

    /// Sorts n values: radix sort, 8 n bytes while it works, 4.5 n bytes afterwards. Of more than `most`, a
    /// sample of that size with the least and the largest value, see isExact().
    /// \param values  NaN and Inf are counted and left out.  \param most  from 2 to 2^31
    /// \error Cancelled
    static Result<SortedValues> build(std::span<const float> values, const RunContext &ctx,
                                      std::int64_t most = kMost);
    /// The same from one value of each of `count` equal parts, picked by `seed`; from all when there are no
    /// more. \param count  2^31 at most. For what has to be seen before build() is done.
    static SortedValues sample(std::span<const float> values, std::int64_t count, std::uint64_t seed);

    std::span<const float> values() const { return m_values; }
    std::int64_t count() const { return static_cast<std::int64_t>(m_values.size()); }
    std::int64_t sourceCount() const { return m_sourceCount; } ///< finite and not, before sampling
    std::int64_t nanCount() const { return m_nanCount; }       ///< among the values looked at
    std::int64_t infCount() const { return m_infCount; }
    /// Whether every value of the source was looked at.
    bool isExact() const { return count() + m_nanCount + m_infCount == m_sourceCount; }
    /// "A sample of 100 of 5,000 values, …" of what build() made of too many; empty when it is exact.
    std::string sampleNote() const;

    /// Values below a bound, that is the index of the first one at or above it.
    std::int64_t countBelow(float bound) const;
    /// Σ (x − level)² over the values [begin, end) in order.
    double squaredDistance(std::int64_t begin, std::int64_t end, double level) const;
    double sumOfSquares() const { return m_sumOfSquares; }

private:
    static constexpr std::int64_t kLeaf = 64;
    struct Moments {
        double mean = 0, m2 = 0; ///< m2 = Σ (x − mean)²
    };
    void buildMoments();

    std::vector<float> m_values;
    std::vector<std::vector<Moments>> m_levels; ///< [k][i]: of the full block of kLeaf · 2^k values
    std::int64_t m_sourceCount = 0, m_nanCount = 0, m_infCount = 0;
    double m_sumOfSquares = 0;
};

/// squaredDistance() as a plain loop: the oracle.
double squaredDistanceReference(std::span<const float> values, double level);

} // namespace qs
