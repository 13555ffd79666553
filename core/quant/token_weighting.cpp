#include "core/quant/token_weighting.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qs {

std::vector<double> tokenWeights(std::span<const double> importance, const TokenWeighting &weighting,
                                 std::span<const std::uint8_t> visible) {
    const auto isToken = [&](std::size_t i) { return visible.empty() || visible[i] != 0; };
    double lowest = std::numeric_limits<double>::infinity(), highest = -lowest;
    for (std::size_t i = 0; i < importance.size(); ++i)
        if (isToken(i)) {
            lowest = std::min(lowest, importance[i]);
            highest = std::max(highest, importance[i]);
        }
    std::vector<double> weights(importance.size(), 0.0);
    double sum = 0, tokens = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        if (!isToken(i))
            continue;
        const double share = highest > lowest ? (importance[i] - lowest) / (highest - lowest) : 1.0;
        weights[i] = std::pow(share * (1.0 - weighting.smallest) + weighting.smallest, weighting.exponent);
        sum += weights[i];
        tokens += 1;
    }
    if (highest > lowest)
        for (double &weight : weights)
            weight *= tokens / sum;
    else // rounding must not make them differ from 1
        for (double &weight : weights)
            weight = weight > 0 ? 1.0 : 0.0;
    return weights;
}

} // namespace qs
