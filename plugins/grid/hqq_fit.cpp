#include "plugins/grid/hqq_fit.h"

#include "core/tensor/convert.h"
#include "plugins/support/run_blocks.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qs {
namespace {

constexpr std::size_t kLookAtCancel = 65536; ///< elements between two looks
/// Errors often stay the same while the zero point moves between codes; what rounding makes of that is no
/// gain.
constexpr double kGain = 1 - 1e-6;

float storable(double value, bool float16) {
    if (!float16)
        return static_cast<float>(value);
    constexpr double kLargest = 65504.0;
    return float16ToFloat(floatToFloat16(static_cast<float>(std::clamp(value, -kLargest, kLargest))));
}

float storableScale(double scale, bool float16) {
    const double smallest = float16 ? 6e-8 : std::numeric_limits<float>::min();
    return storable(std::max(scale, smallest), float16);
}

/// One slice on its way to a good zero point. Errors are sums of |w - v|.
struct Slice {
    std::span<const float> weights;
    float scale = 1.0f;
    float zeroPoint = 0.0f; ///< the latest that was tried
    float next = 0.0f;      ///< to be tried in the next iteration
    float best = 0.0f;
    double error = 0;
    double bestError = std::numeric_limits<double>::infinity();
    bool done = false;
};

struct Trial {
    double error = 0;     ///< sum of |w - v|
    double zeroPoint = 0; ///< that suits the codes and the shrunken errors best
};

Slice startSlice(std::span<const float> weights, const HqqOptions &options) {
    const auto [lo, hi] = std::minmax_element(weights.begin(), weights.end());
    const double width = static_cast<double>(*hi) - *lo;
    Slice slice{weights};
    if (width > 0)
        slice.scale = storableScale(width / (options.range.highest - options.range.lowest), options.float16);
    slice.next = storable(options.range.lowest - *lo / static_cast<double>(slice.scale), options.float16);
    return slice;
}

/// The generalised soft threshold: the error that stays outside, being large, so that the zero point follows
/// the small ones.
double shrink(double error, double smallest, double norm, double beta) {
    const double magnitude = std::abs(error);
    if (magnitude <= smallest)
        return 0.0;
    return std::copysign(magnitude - std::pow(magnitude, norm - 1) / beta, error);
}

Trial tryZeroPoint(const Slice &slice, double beta, const HqqOptions &options,
                   const SolverServices &services) {
    // |d| - |d|^(p-1)/β is positive from here on.
    const double smallest = std::pow(beta, -1.0 / (2.0 - options.norm));
    Trial trial;
    double sum = 0;
    for (std::size_t i = 0; i < slice.weights.size(); ++i) {
        if (i % kLookAtCancel == kLookAtCancel - 1 && services.cancelled())
            break;
        const double weight = slice.weights[i];
        const double code = hqqCode(slice.weights[i], slice.scale, slice.zeroPoint, options);
        const double error = weight - slice.scale * (code - slice.zeroPoint);
        trial.error += std::abs(error);
        sum += code - (weight - shrink(error, smallest, options.norm, beta)) / slice.scale;
    }
    trial.zeroPoint = sum / static_cast<double>(slice.weights.size());
    return trial;
}

void iterate(Slice &slice, double beta, const HqqOptions &options, const SolverServices &services) {
    slice.zeroPoint = slice.next;
    const Trial trial = tryZeroPoint(slice, beta, options, services);
    slice.error = trial.error;
    slice.next = storable(trial.zeroPoint, options.float16);
}

/// Keeps what became better and ends the slices that did not. \return whether any goes on
bool settle(std::vector<Slice> &slices, const HqqOptions &options, HqqFit &fit) {
    double sum = 0, bestSum = 0;
    for (const Slice &slice : slices) {
        sum += slice.error;
        bestSum += slice.bestError;
    }
    bool goesOn = false;
    fit.meanError.push_back(0);
    for (Slice &slice : slices) {
        slice.done = slice.done ||
                     !(options.stopTogether ? sum < bestSum * kGain : slice.error < slice.bestError * kGain);
        if (!slice.done) {
            slice.best = slice.zeroPoint;
            slice.bestError = slice.error;
            goesOn = true;
        }
        fit.meanError.back() += slice.bestError;
    }
    return goesOn;
}

} // namespace

std::int32_t hqqCode(float value, float scale, float zeroPoint, const HqqOptions &options) {
    const double code = roundTo(static_cast<double>(value) / scale + zeroPoint, options.rounding);
    return static_cast<std::int32_t>(std::clamp<double>(code, options.range.lowest, options.range.highest));
}

Result<HqqFit> fitHqq(std::span<const float> weights, const Slices &slices, const HqqOptions &options,
                      const SolverServices &services) {
    std::vector<Slice> states(static_cast<std::size_t>(slices.count()));
    QS_CHECK_OK(runBlocks(slices.count(), slices.grain(), services, [&](auto begin, auto end) {
        for (auto i = begin; i < end; ++i)
            states[static_cast<std::size_t>(i)] =
                startSlice(weights.subspan(static_cast<std::size_t>(slices.begin(i)),
                                           static_cast<std::size_t>(slices.size(i))),
                           options);
    }));
    HqqFit fit;
    double beta = options.beta;
    for (int iteration = 0; iteration < options.iterations; ++iteration, beta *= options.betaGrowth) {
        services.progress(iteration, options.iterations, "moving zero points");
        QS_CHECK_OK(runBlocks(slices.count(), slices.grain(), services, [&](auto begin, auto end) {
            for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
                if (!states[i].done)
                    iterate(states[i], beta, options, services);
        }));
        const bool goesOn = settle(states, options, fit);
        fit.meanError.back() /= static_cast<double>(weights.size());
        if (!goesOn)
            break;
    }
    for (const Slice &slice : states) {
        fit.scales.push_back(slice.scale);
        fit.zeroPoints.push_back(slice.best);
    }
    return fit;
}

} // namespace qs
