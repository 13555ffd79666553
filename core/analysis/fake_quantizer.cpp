#include "core/analysis/fake_quantizer.h"

#include "core/base/parallel.h"
#include "core/base/random.h"

#include <cmath>

namespace qs {
namespace {

constexpr std::int64_t kGrain = 16384;

/// Whether a random number that belongs to (seed, index) falls below `share`.
bool falls(std::uint64_t seed, std::int64_t index, double share) {
    constexpr double kUnit = 0x1.0p-53;
    return static_cast<double>(randomBitsAt(seed, static_cast<std::uint64_t>(index)) >> 11) * kUnit < share;
}

} // namespace

std::uint64_t randomBitsAt(std::uint64_t seed, std::uint64_t index) {
    // SplitMix64 adds this constant per step, so the state after `index` steps is known at once.
    return Random(seed + index * 0x9E3779B97F4A7C15u).next();
}

Tensor mixElements(const Tensor &first, const Tensor &second, double share, std::uint64_t seed) {
    if (share >= 1)
        return first;
    Tensor mixed = Tensor::allocate(DType::Float32, first.shape());
    const auto a = first.values<float>(), b = second.values<float>();
    const auto dst = mixed.mutableValues<float>();
    for (std::size_t i = 0; i < dst.size(); ++i)
        dst[i] = falls(seed, static_cast<std::int64_t>(i), share) ? a[i] : b[i];
    return mixed;
}

bool StepQuantizer::isQuantized(std::int64_t element) const {
    return share >= 1 || falls(seed, element, share);
}

Tensor StepQuantizer::apply(const Tensor &values, const RunContext &ctx) const {
    // The arithmetic of fakeQuantize(), which is that of QuantizeLinear.
    Tensor result = Tensor::allocate(DType::Float32, values.shape());
    const float *src = values.values<float>().data();
    float *dst = result.mutableValues<float>().data();
    const auto zero = static_cast<float>(grid.grid.zeroPoint);
    const auto lowest = static_cast<float>(grid.range.lowest),
               highest = static_cast<float>(grid.range.highest);
    // A cancelled loop leaves garbage, which the tape throws away.
    [[maybe_unused]] const Status status =
        parallelFor(values.numel(), kGrain, ctx, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t i = begin; i < end; ++i) {
                const float code = std::nearbyint(src[i] / grid.grid.scale) + zero;
                dst[i] =
                    isQuantized(i) ? (std::clamp(code, lowest, highest) - zero) * grid.grid.scale : src[i];
            }
        });
    return result;
}

Tensor StepQuantizer::pullBack(const Tensor &values, const Tensor &gradient, double &stepGradient,
                               const RunContext &ctx) const {
    Tensor result = Tensor::allocate(DType::Float32, values.shape());
    const float *src = values.values<float>().data(), *above = gradient.values<float>().data();
    float *dst = result.mutableValues<float>().data();
    const double zero = grid.grid.zeroPoint;
    std::vector<double> parts(static_cast<std::size_t>((values.numel() + kGrain - 1) / kGrain), 0.0);
    [[maybe_unused]] const Status status =
        parallelFor(values.numel(), kGrain, ctx, [&](std::int64_t begin, std::int64_t end) {
            double &sum = parts[static_cast<std::size_t>(begin / kGrain)];
            for (std::int64_t i = begin; i < end; ++i) {
                dst[i] = above[i];
                if (!isQuantized(i))
                    continue;
                const double v = src[i] / grid.grid.scale, code = std::nearbyint(v) + zero;
                const bool inside = code >= grid.range.lowest && code <= grid.range.highest;
                const double slope = inside                     ? std::nearbyint(v) - v
                                     : code < grid.range.lowest ? grid.range.lowest - zero
                                                                : grid.range.highest - zero;
                sum += above[i] * slope;
                if (!inside)
                    dst[i] = 0;
            }
        });
    for (const double part : parts)
        stepGradient += part;
    return result;
}

} // namespace qs
