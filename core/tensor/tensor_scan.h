#pragma once

#include "core/tensor/pattern_counts.h"
#include "core/tensor/tensor.h"

#include <functional>

namespace qs {

/// Statistics and bins of a tensor as it is stored, in one pass and without a float32 copy of it: 16-bit
/// floats by counting their patterns, float32 where it lies, other types block by block. A tensor larger than
/// memory costs a few MiB.
class TensorScan {
public:
    using Early = std::function<void(const TensorScan &)>;

    /// \param early  gets the scan while it goes on, after a few million values and then a few times a
    /// second;
    ///               null: nobody looks before the end. The blocks seen so far are spread over the tensor.
    ///               Called from the calling thread; never for tensors that take no time.
    /// \error Unsupported  elements without float value;  Cancelled
    /// \thread parallel over fixed blocks; the result does not depend on the thread count
    static Result<TensorScan> read(Tensor tensor, const Early &early, const RunContext &ctx);

    std::int64_t seen() const { return m_seen; } ///< values, NaN and Inf included
    std::int64_t total() const { return m_tensor.numel(); }
    bool isComplete() const { return m_seen == total(); }
    /// Whether values are known to PatternCounts::kCutBound of themselves only: bins of an early look at
    /// other types than 16-bit floats.
    bool isCut() const { return !isComplete() && !m_hasPatterns; }

    /// Of the values seen; extremes and counts are exact, sums within 1e-11 of Σ|x|^k.
    const TensorStats &stats() const { return m_stats; }
    /// Counts of the values seen in equal bins over [lo, hi]; exact unless isCut().
    Result<BinCounts> bins(double lo, double hi, int count, const RunContext &ctx) const;
    /// How often each value occurs among those seen; null where the elements are not 16-bit floats.
    const PatternCounts *patterns() const { return m_hasPatterns ? &m_patterns : nullptr; }

private:
    explicit TensorScan(Tensor tensor);
    class Reader;

    Tensor m_tensor;
    bool m_hasPatterns; ///< m_patterns hold the values themselves
    std::int64_t m_seen = 0;
    TensorStats m_stats;
    PatternCounts m_patterns;
};

} // namespace qs
