#include "plugins/transform/dilation_scale.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

/// A factor for every channel, and which of them hold an end of a slice.
struct Bounds {
    std::vector<double> scale;
    std::vector<bool> saturated;
};

/// Columns [begin, end) of a row share a scale.
void boundBySlice(const SiteReader &reader, std::int64_t row, std::int64_t begin, std::int64_t end,
                  Bounds &bounds) {
    const auto slice = reader.weights.row(row).subspan(static_cast<std::size_t>(begin),
                                                       static_cast<std::size_t>(end - begin));
    const auto [lowest, highest] = std::minmax_element(slice.begin(), slice.end());
    if (*lowest == 0 && *highest == 0)
        return;
    for (std::size_t index = 0; index < slice.size(); ++index) {
        const float weight = slice[index];
        const auto channel =
            static_cast<std::size_t>((begin + static_cast<std::int64_t>(index)) / reader.taps);
        if (weight == *lowest || weight == *highest)
            bounds.saturated[channel] = true;
        else if (weight != 0)
            bounds.scale[channel] = std::min(bounds.scale[channel],
                                             static_cast<double>(weight > 0 ? *highest : *lowest) / weight);
    }
}

/// Rounded towards 0, so that no scaled weight exceeds the end of its slice.
float floorToFloat(double value) {
    const auto nearest = static_cast<float>(value);
    return static_cast<double>(nearest) > value ? std::nextafter(nearest, 0.0f) : nearest;
}

} // namespace

DilationScale dilationScale(const SiteData &site, double cap) {
    const auto channels = static_cast<std::size_t>(site.channels);
    Bounds bounds{std::vector<double>(channels, cap), std::vector<bool>(channels, false)};
    for (const SiteReader &reader : site.readers) {
        const std::int64_t cols = reader.weights.cols;
        const std::int64_t slice = reader.depthwise       ? reader.taps
                                   : reader.groupSize > 0 ? reader.groupSize
                                                          : cols;
        for (std::int64_t row = 0; row < reader.weights.rows; ++row)
            for (std::int64_t begin = 0; begin < cols; begin += slice)
                boundBySlice(reader, row, begin, std::min(begin + slice, cols), bounds);
    }
    DilationScale result;
    result.saturated = std::count(bounds.saturated.begin(), bounds.saturated.end(), true);
    result.scale.resize(channels, 1.0f);
    for (std::size_t channel = 0; channel < channels; ++channel)
        if (!bounds.saturated[channel])
            result.scale[channel] = floorToFloat(bounds.scale[channel]);
    return result;
}

} // namespace qs
