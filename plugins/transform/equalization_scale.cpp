#include "plugins/transform/equalization_scale.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qs {
namespace {

struct Range {
    double lo = std::numeric_limits<double>::infinity();
    double hi = -std::numeric_limits<double>::infinity();

    void add(float value) {
        lo = std::min<double>(lo, value);
        hi = std::max<double>(hi, value);
    }
    double width(bool symmetric) const {
        return lo > hi ? 0 : symmetric ? std::max(std::abs(lo), std::abs(hi)) : hi - lo;
    }
};

std::vector<Range> readerRanges(const SiteData &site) {
    std::vector<Range> ranges(static_cast<std::size_t>(site.channels));
    for (const SiteReader &reader : site.readers)
        for (std::int64_t row = 0; row < reader.weights.rows; ++row)
            for (std::int64_t col = 0; col < reader.weights.cols; ++col)
                ranges[static_cast<std::size_t>(col / reader.taps)].add(reader.weights(row, col));
    return ranges;
}

} // namespace

std::vector<float> equalizationScale(const SiteData &site, MatrixView<const float> producer, bool symmetric) {
    const std::vector<Range> readers = readerRanges(site);
    std::vector<float> scale(static_cast<std::size_t>(site.channels), 1.0f);
    for (std::int64_t channel = 0; channel < site.channels; ++channel) {
        const auto at = static_cast<std::size_t>(channel);
        Range own;
        for (float weight : producer.row(channel))
            own.add(weight);
        const double first = own.width(symmetric), second = readers[at].width(symmetric);
        if (first > 0 && second > 0)
            scale[at] = static_cast<float>(std::clamp(std::sqrt(first * second) / second, 1e-8, 1e8));
    }
    return scale;
}

} // namespace qs
