#include "plugins/transform/site.h"

#include <algorithm>
#include <cmath>

namespace qs {

int SiteData::activationBits() const {
    int bits = 0;
    for (const SiteReader &reader : readers)
        if (reader.activationBits > 0 && (bits == 0 || reader.activationBits < bits))
            bits = reader.activationBits;
    return bits;
}

ChannelChange ChannelChange::none(std::int64_t channels) {
    return {std::vector<float>(static_cast<std::size_t>(channels), 1.0f),
            std::vector<float>(static_cast<std::size_t>(channels), 0.0f)};
}

std::vector<float> inputMagnitude(const SiteData &site) {
    std::vector<float> magnitude(site.minimum.size());
    for (std::size_t channel = 0; channel < magnitude.size(); ++channel)
        magnitude[channel] = std::max(std::abs(site.minimum[channel]), std::abs(site.maximum[channel]));
    return magnitude;
}

std::vector<float> weightMagnitude(const SiteData &site) {
    std::vector<float> magnitude(static_cast<std::size_t>(site.channels), 0.0f);
    for (const SiteReader &reader : site.readers)
        for (std::int64_t row = 0; row < reader.weights.rows; ++row)
            for (std::int64_t col = 0; col < reader.weights.cols; ++col) {
                float &largest = magnitude[static_cast<std::size_t>(col / reader.taps)];
                largest = std::max(largest, std::abs(reader.weights(row, col)));
            }
    return magnitude;
}

std::vector<float> scaledWeights(const SiteReader &reader, std::span<const float> scale) {
    std::vector<float> scaled(static_cast<std::size_t>(reader.weights.size()));
    std::size_t index = 0;
    for (std::int64_t row = 0; row < reader.weights.rows; ++row)
        for (std::int64_t col = 0; col < reader.weights.cols; ++col, ++index)
            scaled[index] = reader.weights(row, col) * scale[static_cast<std::size_t>(col / reader.taps)];
    return scaled;
}

} // namespace qs
