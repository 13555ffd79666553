#include "core/tensor/tensor_stats.h"

#include "core/base/parallel.h"
#include "core/tensor/float_passes.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace qs {
namespace {

constexpr std::int64_t kBlock = 1 << 18;
/// Values that are read twice, for the mean and for the moments around it. Two chunks, this one and what is
/// fetched meanwhile, fit the first-level cache.
constexpr std::size_t kChunk = 2048;

/// \return nothing when a value is NaN or infinite
std::optional<TensorStats> statsOfFinite(std::span<const float> values) {
    TensorStats stats;
    if (values.empty())
        return stats;
    FloatMoments moments;
    if (!finiteMoments(values, moments))
        return {};
    stats.count = static_cast<std::int64_t>(values.size());
    stats.zeroCount = moments.zeros;
    // Adding 0 turns -0 into 0.
    stats.min = static_cast<double>(moments.min) + 0.0;
    stats.max = static_cast<double>(moments.max) + 0.0;
    stats.mean = moments.mean;
    stats.m2 = moments.m2;
    stats.m3 = moments.m3;
    stats.m4 = moments.m4;
    return stats;
}

/// One chunk that may hold anything; the rare case with NaN or Inf copies the rest together first.
TensorStats statsOfChunk(std::span<const float> values) {
    if (const auto stats = statsOfFinite(values))
        return *stats;
    std::vector<float> finite;
    TensorStats special;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::isfinite(values[i])) {
            finite.push_back(values[i]);
            continue;
        }
        ++(std::isnan(values[i]) ? special.nanCount : special.infCount);
        if (special.firstNonFinite < 0)
            special.firstNonFinite = static_cast<std::int64_t>(i);
    }
    TensorStats stats = *statsOfFinite(finite);
    stats.nanCount = special.nanCount;
    stats.infCount = special.infCount;
    stats.firstNonFinite = special.firstNonFinite;
    return stats;
}

} // namespace

double TensorStats::absMax() const {
    return std::max(std::fabs(min), std::fabs(max));
}

double TensorStats::variance() const {
    return count > 0 ? m2 / static_cast<double>(count) : 0;
}

double TensorStats::standardDeviation() const {
    return std::sqrt(variance());
}

double TensorStats::rms() const {
    return std::sqrt(variance() + mean * mean);
}

double TensorStats::crestFactor() const {
    return rms() > 0 ? absMax() / rms() : 0;
}

double TensorStats::skewness() const {
    return m2 > 0 ? std::sqrt(static_cast<double>(count)) * m3 / (m2 * std::sqrt(m2)) : 0;
}

double TensorStats::kurtosis() const {
    return m2 > 0 ? static_cast<double>(count) * m4 / (m2 * m2) : 0;
}

void TensorStats::merge(const TensorStats &other) {
    if (firstNonFinite < 0 && other.firstNonFinite >= 0)
        firstNonFinite = count + nanCount + infCount + other.firstNonFinite;
    nanCount += other.nanCount;
    infCount += other.infCount;
    zeroCount += other.zeroCount;
    if (other.count == 0)
        return;
    min = count == 0 ? other.min : std::min(min, other.min);
    max = count == 0 ? other.max : std::max(max, other.max);
    // Pébay 2008, SAND2008-6212, eq. 2.1, 3.1 for two sets of any size.
    const auto na = static_cast<double>(count), nb = static_cast<double>(other.count);
    const double n = na + nb, delta = other.mean - mean;
    const double step = delta / n, step2 = step * step;
    m4 += other.m4 + delta * step * step2 * na * nb * (na * na - na * nb + nb * nb) +
          6 * step2 * (na * na * other.m2 + nb * nb * m2) + 4 * step * (na * other.m3 - nb * m3);
    m3 += other.m3 + delta * step2 * na * nb * (na - nb) + 3 * step * (na * other.m2 - nb * m2);
    m2 += other.m2 + delta * step * na * nb;
    mean += step * nb;
    count += other.count;
}

Result<TensorStats> computeStats(std::span<const float> values, const RunContext &ctx) {
    const auto size = static_cast<std::int64_t>(values.size());
    std::vector<TensorStats> blocks(static_cast<std::size_t>((size + kBlock - 1) / kBlock));
    auto addBlock = [&](std::int64_t begin, std::int64_t end) {
        TensorStats &block = blocks[static_cast<std::size_t>(begin / kBlock)];
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); i += kChunk)
            block.merge(statsOfChunk(values.subspan(i, std::min(kChunk, static_cast<std::size_t>(end) - i))));
    };
    QS_CHECK_OK(parallelFor(size, kBlock, ctx, addBlock));
    TensorStats stats;
    for (const TensorStats &block : blocks)
        stats.merge(block);
    return stats;
}

} // namespace qs
