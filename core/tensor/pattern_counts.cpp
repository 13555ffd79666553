#include "core/tensor/pattern_counts.h"

#include "core/base/check.h"
#include "core/tensor/convert.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace qs {
namespace {

constexpr std::size_t kSign = PatternCounts::kPatterns / 2;

/// Calls fn(pattern) for all of them, in ascending order of their values (-NaN … -0, +0 … +NaN).
template <typename Fn>
void ascending(Fn &&fn) {
    for (std::size_t magnitude = kSign; magnitude-- > 0;)
        fn(kSign + magnitude);
    for (std::size_t magnitude = 0; magnitude < kSign; ++magnitude)
        fn(magnitude);
}

} // namespace

double PatternCounts::value(std::size_t pattern) const {
    const auto bits = static_cast<std::uint16_t>(pattern);
    return m_type == DType::Float16 ? float16ToFloat(bits) : bfloat16ToFloat(bits);
}

TensorStats PatternCounts::stats() const {
    TensorStats stats;
    double sum = 0;
    std::vector<std::pair<double, double>> found; // value and count, small magnitudes first
    for (std::size_t i = 0; i < kPatterns; ++i) {
        const std::size_t pattern = (i >> 1) | (i & 1 ? kSign : 0);
        const std::int64_t count = m_counts[pattern];
        if (count == 0)
            continue;
        const double x = value(pattern) + 0.0; // -0 becomes 0
        if (!std::isfinite(x)) {
            (std::isnan(x) ? stats.nanCount : stats.infCount) += count;
            continue;
        }
        stats.min = stats.count == 0 ? x : std::min(stats.min, x);
        stats.max = stats.count == 0 ? x : std::max(stats.max, x);
        stats.count += count;
        stats.zeroCount += x == 0 ? count : 0;
        sum += x * static_cast<double>(count);
        found.emplace_back(x, static_cast<double>(count));
    }
    if (stats.count == 0)
        return stats;
    stats.mean = sum / static_cast<double>(stats.count);
    for (const auto &[x, count] : found) {
        const double delta = x - stats.mean, square = delta * delta;
        stats.m2 += count * square;
        stats.m3 += count * (square * delta);
        stats.m4 += count * (square * square);
    }
    return stats;
}

BinCounts PatternCounts::bins(double lo, double hi, int count) const {
    QS_CHECK(lo < hi && count > 0, "bins need a range and a number");
    BinCounts result{lo, hi, std::vector<std::int64_t>(static_cast<std::size_t>(count)), 0, 0};
    const double binsPerUnit = count / (hi - lo);
    const std::size_t last = result.counts.size() - 1;
    for (std::size_t pattern = 0; pattern < kPatterns; ++pattern) {
        const std::int64_t occurrences = m_counts[pattern];
        const double x = value(pattern);
        if (occurrences == 0 || !std::isfinite(x))
            continue;
        if (x >= lo && x <= hi)
            result.counts[std::min(last, static_cast<std::size_t>((x - lo) * binsPerUnit))] += occurrences;
        else
            (x < lo ? result.below : result.above) += occurrences;
    }
    return result;
}

double PatternCounts::atRank(std::int64_t rank) const {
    std::int64_t seen = 0;
    double found = 0;
    ascending([&](std::size_t pattern) {
        const double x = value(pattern);
        if (seen >= rank || m_counts[pattern] == 0 || !std::isfinite(x))
            return;
        seen += m_counts[pattern];
        found = x + 0.0; // -0 becomes 0
    });
    return found;
}

// Several sets of counts that take turns, as is usual against waiting for a count to be stored, were slower
// on Zen 3, even where all values are equal: they leave less of the first-level cache to each.
void PatternTally::add(std::span<const std::uint16_t> patterns) {
    constexpr std::size_t kAtOnce = 8, kAhead = 1024; // values; far enough to arrive from memory in time
    std::uint32_t *counts = m_counts.data();
    std::size_t i = 0;
    for (; i + kAtOnce <= patterns.size(); i += kAtOnce) {
        __builtin_prefetch(patterns.data() + i + kAhead);
        for (std::size_t k = 0; k < kAtOnce; ++k)
            ++counts[patterns[i + k]];
    }
    for (; i < patterns.size(); ++i)
        ++counts[patterns[i]];
}

void PatternTally::addCut(std::span<const float> values) {
    for (const float value : values)
        ++m_counts[std::bit_cast<std::uint32_t>(value) >> 16];
}

void PatternTally::drainInto(std::vector<std::int64_t> &counts) {
    for (std::size_t i = 0; i < m_counts.size(); ++i)
        counts[i] += m_counts[i];
    std::fill(m_counts.begin(), m_counts.end(), 0);
}

} // namespace qs
