#include "plugins/block/weight_truncation.h"

#include "plugins/support/outlier_split.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace qs {
namespace {

/// Grids that are this much wider than the truncated range, or less, are as good.
constexpr float kAboutAsWide = 1.05f;

} // namespace

ScaleZero gridOfRange(const SolverLayer &layer, double lo, double hi) {
    const int bits = std::bit_width(static_cast<std::uint32_t>(layer.highest - layer.lowest));
    return gridForRange(lo, hi, bits, layer.convention, layer.scaleAsFloat16);
}

std::int64_t truncateOutliers(SolverLayer &layer, double varianceWeight) {
    std::vector<float> magnitudes(layer.size());
    std::transform(layer.weights, layer.weights + layer.size(), magnitudes.begin(),
                   [](float weight) { return std::abs(weight); });
    const auto kept = largestKept(std::move(magnitudes), varianceWeight);
    if (!kept)
        return 0;
    const float end = *kept;
    std::vector<float> low(layer.scales.size(), end), high(layer.scales.size(), -end);
    std::vector<bool> changed(layer.scales.size(), false);
    for (std::size_t i = 0; i < layer.size(); ++i) {
        const std::size_t slice = layer.sliceOf(i);
        const float weight = std::clamp(layer.weights[i], -end, end);
        low[slice] = std::min(low[slice], weight);
        high[slice] = std::max(high[slice], weight);
        changed[slice] = changed[slice] || weight != layer.weights[i];
    }
    for (std::size_t slice = 0; slice < changed.size(); ++slice) {
        const ScaleZero grid = gridOfRange(layer, low[slice], high[slice]);
        changed[slice] = changed[slice] && layer.scales[slice] > kAboutAsWide * grid.scale;
        if (!changed[slice])
            continue;
        layer.scales[slice] = grid.scale;
        layer.zeroPoints[slice] = grid.zeroPoint;
    }
    for (std::size_t i = 0; i < layer.size(); ++i)
        if (const std::size_t slice = layer.sliceOf(i); changed[slice])
            layer.nearest[i] = static_cast<std::int16_t>(
                quantizeValue(layer.weights[i], {layer.scales[slice], layer.zeroPoints[slice]},
                              {layer.lowest, layer.highest}, RoundingMode::HalfEven));
    return std::ranges::count(changed, true);
}

} // namespace qs
