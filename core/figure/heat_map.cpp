#include "core/figure/heat_map.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

/// Half-open range of source elements behind a destination pixel; never empty.
struct Span {
    std::int64_t begin = 0, end = 1;
};

Span sourceOf(std::int64_t pixel, std::int64_t pixels, std::int64_t elements) {
    const std::int64_t begin = pixel * elements / pixels;
    return {begin, std::max(begin + 1, ((pixel + 1) * elements + pixels - 1) / pixels)};
}

/// The element of largest magnitude, with its sign.
float extreme(const MatrixView<const float> &values, Span rows, Span cols) {
    float result = 0;
    for (std::int64_t row = rows.begin; row < rows.end; ++row)
        for (std::int64_t col = cols.begin; col < cols.end; ++col) {
            const float value = values(row, col);
            if (std::isnan(value))
                return value;
            if (std::abs(value) > std::abs(result))
                result = value;
        }
    return result;
}

} // namespace

PixelImage heatMapPixels(MatrixView<const float> values, int width, int height, const ColorMap &map,
                         const AxisScale &scale) {
    if (values.size() == 0 || width <= 0 || height <= 0)
        return {};
    PixelImage image{width, height, {}};
    image.pixels.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
    auto pixel = image.pixels.begin();
    for (int y = 0; y < height; ++y) {
        const Span rows = sourceOf(y, height, values.rows);
        for (int x = 0; x < width; ++x) {
            const float value = extreme(values, rows, sourceOf(x, width, values.cols));
            const float shown = map.kind == ColorMap::Kind::Diverging ? value : std::abs(value);
            *pixel++ = map.at(std::isnan(shown) ? shown : scale.position(shown));
        }
    }
    return image;
}

AxisScale magnitudeScale(std::span<const float> values) {
    std::vector<float> positive;
    for (const float value : values)
        if (std::isfinite(value) && value != 0)
            positive.push_back(std::abs(value));
    if (positive.empty())
        return {0, 1, false};
    const double highest = *std::max_element(positive.begin(), positive.end());
    const auto fifth = positive.begin() + static_cast<std::ptrdiff_t>(positive.size() / 20);
    std::nth_element(positive.begin(), fifth, positive.end());
    return {std::clamp<double>(*fifth, highest * 1e-5, highest / 10), highest, true};
}

} // namespace qs
