#include "core/tensor/outlier_score.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace qs {

double outlierScore(std::span<const float> channelMagnitudes) {
    std::vector<float> sorted(channelMagnitudes.begin(), channelMagnitudes.end());
    std::erase_if(sorted, [](float value) { return !std::isfinite(value); });
    if (sorted.empty())
        return 0;
    std::sort(sorted.begin(), sorted.end());
    const std::size_t middle = sorted.size() / 2;
    const double median =
        sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2.0;
    return median > 0 ? sorted.back() / median : 0;
}

} // namespace qs
