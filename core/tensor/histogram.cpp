#include "core/tensor/histogram.h"

#include "core/base/check.h"
#include "core/base/parallel.h"
#include "core/tensor/float_passes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>

namespace qs {
namespace {

constexpr std::int64_t kBlock = 1 << 18;
constexpr std::size_t kChunk = 2048; ///< read twice: two chunks fit the first-level cache

struct Extent {
    double lo = std::numeric_limits<double>::infinity();
    double hi = -std::numeric_limits<double>::infinity();
};

Extent finiteExtent(std::span<const float> values) {
    Extent extent;
    for (double value : values)
        if (std::isfinite(value)) {
            extent.lo = std::min(extent.lo, value);
            extent.hi = std::max(extent.hi, value);
        }
    return extent;
}

} // namespace

Histogram::Histogram(double lo, double hi, int bins) : m_lo(lo), m_hi(hi) {
    QS_CHECK(std::isfinite(lo) && std::isfinite(hi) && lo <= hi, "a histogram needs a finite, ordered range");
    QS_CHECK(bins > 0, "a histogram needs bins");
    if (lo == hi) {
        const double margin = std::max(0.5, std::fabs(lo) * 1e-3);
        m_lo -= margin;
        m_hi += margin;
    }
    m_counts.resize(static_cast<std::size_t>(bins));
}

Histogram Histogram::fromCounts(double lo, double hi, std::vector<std::int64_t> counts) {
    Histogram histogram(lo, hi, static_cast<int>(counts.size()));
    histogram.m_counts = std::move(counts);
    return histogram;
}

std::int64_t Histogram::total() const {
    return std::accumulate(m_counts.begin(), m_counts.end(), std::int64_t{0});
}

void Histogram::add(std::span<const float> values) {
    const BinGrid grid{m_lo, m_hi, bins() / (m_hi - m_lo), bins()};
    std::vector<std::int64_t> found(m_counts.size() + 3);
    for (std::size_t i = 0; i < values.size(); i += kChunk)
        countBins(values.subspan(i, std::min(kChunk, values.size() - i)), grid, found.data());
    for (std::size_t bin = 0; bin < m_counts.size(); ++bin)
        m_counts[bin] += found[bin];
    m_below += found[grid.below()];
    m_above += found[grid.above()];
    m_nonFinite += found[grid.nonFinite()];
}

void Histogram::joinPairs(bool keepLow) {
    // From the kept end on, two bins become one; the other half starts empty.
    if (!keepLow)
        std::reverse(m_counts.begin(), m_counts.end());
    std::vector<std::int64_t> joined(m_counts.size());
    for (std::size_t bin = 0; bin < m_counts.size(); ++bin)
        joined[bin / 2] += m_counts[bin];
    m_counts = std::move(joined);
    if (!keepLow)
        std::reverse(m_counts.begin(), m_counts.end());
    const double width = m_hi - m_lo;
    (keepLow ? m_hi : m_lo) += keepLow ? width : -width;
}

void Histogram::addGrowing(std::span<const float> values) {
    const Extent extent = finiteExtent(values);
    while (extent.hi > m_hi)
        joinPairs(true);
    while (extent.lo < m_lo)
        joinPairs(false);
    add(values);
}

void Histogram::merge(const Histogram &other) {
    QS_CHECK(m_lo == other.m_lo && m_hi == other.m_hi && bins() == other.bins(),
             "only histograms with the same bins can be merged");
    for (std::size_t bin = 0; bin < m_counts.size(); ++bin)
        m_counts[bin] += other.m_counts[bin];
    m_below += other.m_below;
    m_above += other.m_above;
    m_nonFinite += other.m_nonFinite;
}

Result<Histogram> computeHistogram(std::span<const float> values, double lo, double hi, int bins,
                                   const RunContext &ctx) {
    Histogram result(lo, hi, bins);
    std::mutex mutex;
    auto count = [&](std::int64_t begin, std::int64_t end) {
        Histogram part(lo, hi, bins);
        part.add(values.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
        // Integer sums do not depend on the order of the blocks.
        const std::scoped_lock lock(mutex);
        result.merge(part);
    };
    QS_CHECK_OK(parallelFor(static_cast<std::int64_t>(values.size()), kBlock, ctx, count));
    return result;
}

} // namespace qs
