#include "core/tensor/tensor_stats.h"

#include "core/base/parallel.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace qs {
namespace {

constexpr std::int64_t kBlock = 1 << 18;
/// Values that are read twice, for the mean and for the moments around it: they stay in the first-level
/// cache.
constexpr std::size_t kChunk = 4096;
/// Independent partial results, fixed so that the sums do not depend on the width of the machine's vectors.
constexpr std::size_t kLanes = 16;
constexpr std::uint32_t kInfinityBits = 0x7F800000;

bool allFinite(std::span<const float> values) {
    std::array<std::uint32_t, kLanes> largest{};
    std::size_t i = 0;
    for (; i + kLanes <= values.size(); i += kLanes)
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(values[i + lane]) & 0x7FFFFFFF;
            largest[lane] = magnitude > largest[lane] ? magnitude : largest[lane];
        }
    for (; i < values.size(); ++i)
        if (!std::isfinite(values[i]))
            return false;
    return *std::max_element(largest.begin(), largest.end()) < kInfinityBits;
}

/// Everything but the moments. The values must be finite and at least one.
void addExtremes(std::span<const float> values, TensorStats &stats) {
    std::array<float, kLanes> lowest, highest;
    std::array<double, kLanes> sums{};
    std::array<std::int32_t, kLanes> zeros{};
    lowest.fill(values[0]);
    highest.fill(values[0]);
    auto addLane = [&](std::size_t lane, float value) {
        lowest[lane] = value < lowest[lane] ? value : lowest[lane];
        highest[lane] = value > highest[lane] ? value : highest[lane];
        sums[lane] += static_cast<double>(value);
        zeros[lane] += value == 0.0f ? 1 : 0;
    };
    std::size_t i = 0;
    for (; i + kLanes <= values.size(); i += kLanes)
        for (std::size_t lane = 0; lane < kLanes; ++lane)
            addLane(lane, values[i + lane]);
    for (std::size_t lane = 0; i + lane < values.size(); ++lane)
        addLane(lane, values[i + lane]);
    double sum = 0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
        sum += sums[lane];
        stats.zeroCount += zeros[lane];
    }
    stats.count = static_cast<std::int64_t>(values.size());
    stats.mean = sum / static_cast<double>(stats.count);
    // Adding 0 turns -0 into 0.
    stats.min = *std::min_element(lowest.begin(), lowest.end()) + 0.0;
    stats.max = *std::max_element(highest.begin(), highest.end()) + 0.0;
}

void addMoments(std::span<const float> values, TensorStats &stats) {
    std::array<double, kLanes> second{}, third{}, fourth{};
    const double mean = stats.mean;
    auto addLane = [&](std::size_t lane, float value) {
        const double delta = static_cast<double>(value) - mean;
        const double square = delta * delta;
        second[lane] += square;
        third[lane] += square * delta;
        fourth[lane] += square * square;
    };
    std::size_t i = 0;
    for (; i + kLanes <= values.size(); i += kLanes)
        for (std::size_t lane = 0; lane < kLanes; ++lane)
            addLane(lane, values[i + lane]);
    for (std::size_t lane = 0; i + lane < values.size(); ++lane)
        addLane(lane, values[i + lane]);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
        stats.m2 += second[lane];
        stats.m3 += third[lane];
        stats.m4 += fourth[lane];
    }
}

TensorStats statsOfFinite(std::span<const float> values) {
    TensorStats stats;
    if (values.empty())
        return stats;
    addExtremes(values, stats);
    addMoments(values, stats);
    return stats;
}

/// One chunk that may hold anything; the rare case with NaN or Inf copies the rest together first.
TensorStats statsOfChunk(std::span<const float> values) {
    if (allFinite(values))
        return statsOfFinite(values);
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
    TensorStats stats = statsOfFinite(finite);
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
