#include "plugins/grid/normal_float.h"

#include "core/tensor/convert.h"
#include "plugins/support/run_blocks.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qs {
namespace {

constexpr double kOutermost = 0.9677083; ///< probability of the level 1, as in the authors' code

/// x with Phi(x) = probability, for probabilities within 3 standard deviations.
double normalQuantile(double probability) {
    double below = -3.0;
    double above = 3.0;
    for (int i = 0; i < 80; ++i) {
        const double middle = (below + above) / 2;
        (0.5 * std::erfc(-middle / std::sqrt(2.0)) < probability ? below : above) = middle;
    }
    return (below + above) / 2;
}

float storableScale(float magnitude, bool float16) {
    if (magnitude == 0.0f)
        return 1.0f;
    if (!float16)
        return std::max(magnitude, std::numeric_limits<float>::min());
    return float16ToFloat(floatToFloat16(std::clamp(magnitude, 6e-8f, 6.5e4f)));
}

/// Replaces the scales by those that their codes stand for.
void quantizeScales(std::vector<float> &scales, const NormalFloatOptions &options) {
    const float offset = *std::min_element(scales.begin(), scales.end());
    const double highest = (1 << options.scaleBits) - 1;
    const auto blockSize = static_cast<std::size_t>(options.scaleBlock);
    for (std::size_t begin = 0; begin < scales.size(); begin += blockSize) {
        const std::span<float> block(scales.data() + begin, std::min(blockSize, scales.size() - begin));
        const float largest = *std::max_element(block.begin(), block.end());
        const auto step = static_cast<float>((static_cast<double>(largest) - offset) / highest);
        for (float &scale : block)
            if (step > 0)
                scale =
                    static_cast<float>(offset + step * roundTo((static_cast<double>(scale) - offset) / step,
                                                               RoundingMode::HalfEven));
    }
}

std::int16_t nearestLevel(double value, const std::vector<float> &levels) {
    const auto above = std::lower_bound(levels.begin(), levels.end(), value);
    if (above == levels.begin())
        return 0;
    const auto index = static_cast<std::int16_t>(above - levels.begin());
    const bool takesLower = above == levels.end() || value - *(above - 1) <= *above - value;
    return static_cast<std::int16_t>(takesLower ? index - 1 : index);
}

} // namespace

std::vector<float> normalFloatLevels(int bits) {
    const int half = 1 << (bits - 1);
    const double largest = normalQuantile(kOutermost);
    std::vector<float> levels;
    for (int i = 0; i < half - 1; ++i)
        levels.push_back(static_cast<float>(
            normalQuantile(1 - kOutermost + i * (kOutermost - 0.5) / (half - 1)) / largest));
    levels.push_back(0.0f);
    for (int i = 1; i <= half; ++i)
        levels.push_back(static_cast<float>(normalQuantile(0.5 + i * (kOutermost - 0.5) / half) / largest));
    return levels;
}

Result<NormalFloatResult> quantizeNormalFloat(std::span<const float> weights, const Slices &slices,
                                              const NormalFloatOptions &options,
                                              const SolverServices &services) {
    const auto sliceOf = [&](std::int64_t i) {
        return weights.subspan(static_cast<std::size_t>(slices.begin(i)),
                               static_cast<std::size_t>(slices.size(i)));
    };
    NormalFloatResult result;
    result.scales.resize(static_cast<std::size_t>(slices.count()));
    result.codes.resize(weights.size());
    QS_CHECK_OK(runBlocks(slices.count(), slices.grain(), services, [&](auto begin, auto end) {
        for (auto i = begin; i < end; ++i) {
            float magnitude = 0.0f;
            for (float value : sliceOf(i))
                magnitude = std::max(magnitude, std::abs(value));
            result.scales[static_cast<std::size_t>(i)] = storableScale(magnitude, options.float16Scales);
        }
    }));
    if (options.doubleQuantization) {
        quantizeScales(result.scales, options);
        result.scaleBits = options.scaleBits + 32.0 / static_cast<double>(options.scaleBlock);
    } else if (options.float16Scales) {
        result.scaleBits = 16;
    }
    const std::vector<float> levels = normalFloatLevels(options.bits);
    QS_CHECK_OK(forSliceParts(slices, services, [&](auto slice, auto begin, auto end) {
        const double scale = result.scales[static_cast<std::size_t>(slice)];
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
            result.codes[i] = nearestLevel(weights[i] / scale, levels);
    }));
    return result;
}

} // namespace qs
