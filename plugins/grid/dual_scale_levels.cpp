#include "plugins/grid/dual_scale_levels.h"

#include "core/tensor/convert.h"
#include "plugins/support/run_blocks.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

namespace qs {
namespace {

double storable(double scale, bool float16) {
    const auto value = static_cast<float>(float16 ? std::min(scale, 6.5e4) : scale);
    return float16 ? float16ToFloat(floatToFloat16(value)) : value;
}

/// A fit that runs within one task of many.
SolverServices withinTask(const SolverServices &services) {
    SolverServices inner = services;
    inner.progress = [](std::int64_t, std::int64_t, const char *) {};
    inner.maxThreads = 1;
    return inner;
}

} // namespace

std::int16_t DualScaleLevels::nearest(double value, int bits) const {
    const double level = value / scale;
    std::int16_t best = 0;
    for (std::int16_t i = 1; i < (1 << bits); ++i)
        if (std::abs(level - levels[static_cast<std::size_t>(i)]) <
            std::abs(level - levels[static_cast<std::size_t>(best)]))
            best = i;
    return best;
}

DualScaleLevels fitDualScaleLevels(std::span<const float> weights, const DualScaleGrid &grid,
                                   const SolverServices &services) {
    const MatrixView<const float> row{weights.data(), 1, static_cast<std::int64_t>(weights.size())};
    DualScaleLevels result;
    const auto fit = fitDualScales(row, {grid.bits, 0, grid.iterations, false}, withinTask(services));
    if (!fit)
        return result;
    std::vector<double> scales = fit->scales;
    for (double &scale : scales)
        scale = storable(scale, grid.float16Scales);
    const double largest = *std::max_element(scales.begin(), scales.end());
    if (largest >= std::numeric_limits<float>::min())
        result.scale = static_cast<float>(largest);
    std::vector<double> levels = dualScaleLevels(scales);
    std::sort(levels.begin(), levels.end());
    for (std::size_t i = 0; i < levels.size(); ++i)
        result.levels[i] = static_cast<float>(levels[i] / result.scale);
    return result;
}

Result<DualScaleCodes> quantizeDualScales(MatrixView<const float> weights, const Slices &slices,
                                          const DualScaleGrid &grid, const SolverServices &services) {
    DualScaleCodes result;
    result.slices.resize(static_cast<std::size_t>(slices.count()));
    result.codes.resize(static_cast<std::size_t>(weights.size()));
    std::atomic<std::int64_t> done{0};
    QS_CHECK_OK(runBlocks(slices.count(), slices.grain(), services, [&](auto begin, auto end) {
        for (auto slice = begin; slice < end && !services.cancelled(); ++slice)
            result.slices[static_cast<std::size_t>(slice)] = fitDualScaleLevels(
                {weights.data + slices.begin(slice), static_cast<std::size_t>(slices.size(slice))}, grid,
                services);
        services.progress(done += end - begin, slices.count(), "fitting dual scales");
    }));
    QS_CHECK_OK(forSliceParts(slices, services, [&](auto slice, auto begin, auto end) {
        const DualScaleLevels &levels = result.slices[static_cast<std::size_t>(slice)];
        for (auto i = begin; i < end; ++i)
            result.codes[static_cast<std::size_t>(i)] = levels.nearest(weights.data[i], grid.bits);
    }));
    return result;
}

} // namespace qs
