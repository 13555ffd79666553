#pragma once

#include <cmath>
#include <span>
#include <vector>

namespace qs {

/// Batch normalization with known statistics: y = x · factor[channel] + offset[channel].
template <typename T>
struct ChannelScale {
    std::vector<T> factor, offset;

    /// One entry per channel.
    struct Parameters {
        std::span<const T> scale, bias, mean, variance;
    };

    static ChannelScale of(const Parameters &parameters, double epsilon) {
        ChannelScale result;
        for (std::size_t c = 0; c < parameters.scale.size(); ++c) {
            const double factor = static_cast<double>(parameters.scale[c]) /
                                  std::sqrt(static_cast<double>(parameters.variance[c]) + epsilon);
            result.factor.push_back(static_cast<T>(factor));
            result.offset.push_back(static_cast<T>(static_cast<double>(parameters.bias[c]) -
                                                   static_cast<double>(parameters.mean[c]) * factor));
        }
        return result;
    }
};

} // namespace qs
