#include "core/quant/range_search.h"

#include "core/base/parallel.h"

#include <Eigen/Core>
#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

namespace qs {
namespace {

constexpr std::size_t kChunk = 512;
constexpr std::size_t kChunksPerCancelTest = 128;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
using Chunk = Eigen::Array<float, Eigen::Dynamic, 1, Eigen::ColMajor, kChunk, 1>;

Chunk rounded(const Chunk &values, RoundingMode mode) {
    switch (mode) {
    case RoundingMode::HalfEven:
        return values.rint();
    case RoundingMode::HalfAway:
        return values.round();
    case RoundingMode::Floor:
        return (values + 0.5f).floor();
    }
    return values;
}

/// |Q(x)-x|^norm of each element, in units of scale^norm: float32 can hold that for any values.
Chunk powersOfErrors(std::span<const float> values, ScaleZero grid, CodeRange range,
                     const GridScheme &scheme) {
    const Eigen::Map<const Eigen::ArrayXf> mapped(values.data(), static_cast<Eigen::Index>(values.size()));
    // Codes relative to the zero point, clamped there too, so that nothing is rounded but the quotient
    // itself.
    const Chunk exact = mapped / grid.scale;
    const auto lowest = static_cast<float>(range.lowest - grid.zeroPoint);
    const auto highest = static_cast<float>(range.highest - grid.zeroPoint);
    const auto errors = (rounded(exact, scheme.rounding).max(lowest).min(highest) - exact).abs();
    if (scheme.rule.norm == 2)
        return errors.square();
    // exp and log are vectorised, pow is not; log 0 = -inf gives 0 again.
    return (errors.log() * static_cast<float>(scheme.rule.norm)).exp();
}

/// Cost of one candidate, or infinity as soon as it is known to exceed `bound`.
double gridCost(std::span<const float> values, std::span<const double> weights, ValueRange range,
                const GridScheme &scheme, const std::atomic<double> &bound, const RunContext &ctx) {
    const ScaleZero grid = gridForRange(range.lo, range.hi, scheme.bits, scheme.convention);
    const CodeRange codes = codeRange(scheme.bits, scheme.convention);
    const double unit = std::pow(static_cast<double>(grid.scale), scheme.rule.norm);
    double cost = 0;
    for (std::size_t begin = 0, chunk = 0; begin < values.size(); begin += kChunk, ++chunk) {
        const std::size_t length = std::min(kChunk, values.size() - begin);
        const Chunk powers = powersOfErrors(values.subspan(begin, length), grid, codes, scheme);
        const auto wide = powers.cast<double>();
        cost +=
            unit *
            (weights.empty()
                 ? wide.sum()
                 : (wide * Eigen::Map<const Eigen::ArrayXd>(weights.data() + begin, powers.size())).sum());
        if (cost > bound.load(std::memory_order_relaxed) ||
            (chunk % kChunksPerCancelTest == 0 && ctx.cancelled()))
            return kInfinity;
    }
    return cost;
}

void lower(std::atomic<double> &bound, double cost) {
    double seen = bound.load(std::memory_order_relaxed);
    while (cost < seen && !bound.compare_exchange_weak(seen, cost, std::memory_order_relaxed)) {
    }
}

double shrinkFactor(std::size_t candidate, const RangeRule &rule) {
    return 1.0 - static_cast<double>(candidate) / rule.gridSteps;
}

} // namespace

Result<double> bestShrink(std::span<const float> values, std::span<const double> weights, ValueRange range,
                          const GridScheme &scheme, const RunContext &ctx) {
    const RangeRule &rule = scheme.rule;
    // The small number undoes the rounding of products like 0.29·100.
    const auto candidates =
        static_cast<std::int64_t>(std::max(1.0, std::floor(rule.maxShrink * rule.gridSteps + 1e-9)));
    std::vector<double> costs(static_cast<std::size_t>(candidates), kInfinity);
    // Giving up on a candidate that is worse than any other finished one never changes which is best, so the
    // order in which threads finish does not matter.
    std::atomic<double> bound = kInfinity;
    auto tryCandidate = [&](std::int64_t begin, std::int64_t) {
        const auto candidate = static_cast<std::size_t>(begin);
        const double p = shrinkFactor(candidate, rule);
        costs[candidate] = gridCost(values, weights, {p * range.lo, p * range.hi}, scheme, bound, ctx);
        lower(bound, costs[candidate]);
    };
    QS_CHECK_OK(parallelFor(candidates, 1, ctx, tryCandidate));
    const auto best = std::min_element(costs.begin(), costs.end()) - costs.begin();
    return shrinkFactor(static_cast<std::size_t>(best), rule);
}

double gridCostReference(std::span<const float> values, std::span<const double> weights, ValueRange range,
                         const GridScheme &scheme) {
    const ScaleZero grid = gridForRange(range.lo, range.hi, scheme.bits, scheme.convention);
    const CodeRange codes = codeRange(scheme.bits, scheme.convention);
    double cost = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::int32_t code = quantizeValue(values[i], grid, codes, scheme.rounding);
        const double error = static_cast<double>(grid.scale) * (code - grid.zeroPoint) - values[i];
        cost += std::pow(std::fabs(error), scheme.rule.norm) * (weights.empty() ? 1.0 : weights[i]);
    }
    return cost;
}

} // namespace qs
