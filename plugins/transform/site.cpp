#include "plugins/transform/site.h"

#include <algorithm>
#include <cmath>

namespace qs {

int TransformSite::activationBits() const {
    int bits = 0;
    for (const SiteConsumer &consumer : consumers)
        if (consumer.activationBits > 0 && (bits == 0 || consumer.activationBits < bits))
            bits = consumer.activationBits;
    return bits;
}

ChannelChange ChannelChange::none(std::int64_t channels) {
    return {std::vector<float>(static_cast<std::size_t>(channels), 1.0f),
            std::vector<float>(static_cast<std::size_t>(channels), 0.0f)};
}

std::vector<float> inputMagnitude(const TransformSite &site) {
    std::vector<float> magnitude(site.minimum.size());
    for (std::size_t channel = 0; channel < magnitude.size(); ++channel)
        magnitude[channel] = std::max(std::abs(site.minimum[channel]), std::abs(site.maximum[channel]));
    return magnitude;
}

std::vector<float> weightMagnitude(const TransformSite &site) {
    std::vector<float> magnitude(static_cast<std::size_t>(site.channels), 0.0f);
    for (const SiteConsumer &consumer : site.consumers)
        for (std::int64_t row = 0; row < consumer.weights.rows; ++row)
            for (std::int64_t col = 0; col < consumer.weights.cols; ++col) {
                float &largest = magnitude[static_cast<std::size_t>(col / consumer.taps)];
                largest = std::max(largest, std::abs(consumer.weights(row, col)));
            }
    return magnitude;
}

std::vector<float> scaledWeights(const SiteConsumer &consumer, std::span<const float> scale) {
    std::vector<float> scaled(static_cast<std::size_t>(consumer.weights.size()));
    std::size_t index = 0;
    for (std::int64_t row = 0; row < consumer.weights.rows; ++row)
        for (std::int64_t col = 0; col < consumer.weights.cols; ++col, ++index)
            scaled[index] = consumer.weights(row, col) * scale[static_cast<std::size_t>(col / consumer.taps)];
    return scaled;
}

} // namespace qs
