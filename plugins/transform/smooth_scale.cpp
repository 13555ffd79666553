#include "plugins/transform/smooth_scale.h"

#include "plugins/support/outlier_split.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qs {
namespace {

constexpr float kDeadInput = 1e-8f;
constexpr double kLeastWeight = 1e-5;
constexpr double kLeastScale = 1e-5;
constexpr double kLeastAwareScale = 1e-4;

} // namespace

std::vector<float> smoothScale(std::span<const float> inputs, std::span<const float> weights, double alpha) {
    std::vector<float> scale(inputs.size(), 1.0f);
    for (std::size_t channel = 0; channel < scale.size(); ++channel) {
        if (inputs[channel] < kDeadInput)
            continue;
        const double weight = std::max<double>(weights[channel], kLeastWeight);
        const double value = std::pow(inputs[channel], alpha) / std::pow(weight, 1 - alpha);
        scale[channel] = static_cast<float>(std::max(value, kLeastScale));
    }
    return scale;
}

std::vector<float> centreShift(std::span<const float> minimum, std::span<const float> maximum) {
    std::vector<float> shift(minimum.size());
    for (std::size_t channel = 0; channel < shift.size(); ++channel)
        shift[channel] = static_cast<float>((static_cast<double>(minimum[channel]) + maximum[channel]) / 2);
    return shift;
}

std::vector<float> centredMagnitude(std::span<const float> minimum, std::span<const float> maximum) {
    std::vector<float> magnitude(minimum.size());
    for (std::size_t channel = 0; channel < magnitude.size(); ++channel)
        magnitude[channel] =
            static_cast<float>((static_cast<double>(maximum[channel]) - minimum[channel]) / 2);
    return magnitude;
}

std::vector<float> activationAwareScale(std::span<const float> meanMagnitude, double ratio) {
    std::vector<double> powers(meanMagnitude.size(), 0.0);
    double least = std::numeric_limits<double>::infinity(), largest = 0;
    for (std::size_t channel = 0; channel < powers.size(); ++channel) {
        if (meanMagnitude[channel] < kDeadInput)
            continue;
        powers[channel] = std::max(std::pow(meanMagnitude[channel], ratio), kLeastAwareScale);
        least = std::min(least, powers[channel]);
        largest = std::max(largest, powers[channel]);
    }
    std::vector<float> scale(powers.size(), 1.0f);
    for (std::size_t channel = 0; channel < powers.size(); ++channel)
        if (powers[channel] > 0)
            scale[channel] = static_cast<float>(powers[channel] / std::sqrt(largest * least));
    return scale;
}

std::vector<float> crossQuantScale(std::span<const float> inputs, double alpha) {
    std::vector<float> scale(inputs.size(), 1.0f);
    for (std::size_t channel = 0; channel < scale.size(); ++channel)
        if (inputs[channel] >= kDeadInput)
            scale[channel] = static_cast<float>(std::max(std::pow(inputs[channel], 1 - alpha), kLeastScale));
    return scale;
}

std::vector<float> outlierScale(std::span<const float> inputs, double varianceWeight) {
    std::vector<float> scale(inputs.size(), 1.0f);
    const auto kept = largestKept({inputs.begin(), inputs.end()}, varianceWeight);
    if (!kept || *kept < kDeadInput)
        return scale;
    for (std::size_t channel = 0; channel < scale.size(); ++channel)
        if (inputs[channel] > *kept)
            scale[channel] = std::sqrt(inputs[channel] / *kept);
    return scale;
}

} // namespace qs
