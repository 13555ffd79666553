#include "plugins/rounding/layer_grids.h"

#include "plugins/rounding/column_rounding.h"
#include "plugins/support/run_blocks.h"

#include <algorithm>

namespace qs {
namespace {

SliceGrid sliceGrid(ScaleZero grid) {
    return {grid.scale, static_cast<float>(grid.zeroPoint)};
}

} // namespace

LayerGrids::LayerGrids(SliceScheme sliceScheme, std::int64_t rowCount, std::int64_t colCount)
    : scheme(sliceScheme), rows(rowCount), cols(colCount) {
    const std::int64_t slices = scheme.sharing == GridSharing::PerTensor ? 1 : rows * groupsPerRow();
    scales.assign(static_cast<std::size_t>(slices), 1.0f);
    zeros.assign(static_cast<std::size_t>(slices), 0.0f);
}

std::int64_t LayerGrids::groupSize() const {
    return scheme.sharing == GridSharing::PerGroup ? std::min(scheme.groupSize, cols) : cols;
}

std::int32_t codeOf(float value, SliceGrid grid, const SliceScheme &scheme) {
    return withRounding(scheme.rounding, scheme.realZeros, [&]<RoundingMode Mode, bool RealZeros>() {
        return gridCode<Mode, RealZeros>(value, grid.scale, grid.zero, scheme.range);
    });
}

LayerCodes::LayerCodes(LayerGrids layerGrids)
    : grids(std::move(layerGrids)), codes(static_cast<std::size_t>(grids.rows * grids.cols)) {}

void LayerCodes::values(std::int64_t row, std::span<float> dst) const {
    const std::int16_t *source = codes.data() + row * grids.cols;
    for (std::int64_t col = 0; col < grids.cols; ++col)
        dst[static_cast<std::size_t>(col)] = valueOf(source[col], grids.at(row, grids.groupOf(col)));
}

void LayerCodes::copyRow(const LayerCodes &from, std::int64_t row) {
    std::copy_n(from.codes.begin() + row * grids.cols, grids.cols, codes.begin() + row * grids.cols);
    for (std::int64_t group = 0; group < grids.groupsPerRow(); ++group)
        grids.set(row, group, from.grids.at(row, group));
}

Result<LayerGrids> fitGrids(MatrixView<const float> weights, const SliceScheme &scheme,
                            const SolverServices &services) {
    LayerGrids grids(scheme, weights.rows, weights.cols);
    if (scheme.sharing == GridSharing::PerTensor) {
        grids.set(0, 0,
                  sliceGrid(services.fitGrid({weights.data, static_cast<std::size_t>(weights.size())})));
        return grids;
    }
    const std::int64_t groupSize = grids.groupSize();
    QS_CHECK_OK(runBlocks(weights.rows, 1, services, [&](std::int64_t row, std::int64_t) {
        for (std::int64_t begin = 0; begin < weights.cols; begin += groupSize) {
            const std::int64_t count = std::min(groupSize, weights.cols - begin);
            const auto slice =
                weights.row(row).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count));
            grids.set(row, begin / groupSize, sliceGrid(services.fitGrid(slice)));
        }
    }));
    return grids;
}

Result<LayerCodes> roundToNearest(MatrixView<const float> weights, LayerGrids grids,
                                  const SolverServices &services) {
    LayerCodes layer(std::move(grids));
    QS_CHECK_OK(runBlocks(weights.rows, 16, services, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t row = first; row < last; ++row)
            for (std::int64_t col = 0; col < weights.cols; ++col)
                layer.codes[static_cast<std::size_t>(row * weights.cols + col)] = static_cast<std::int16_t>(
                    codeOf(weights(row, col), layer.grids.at(row, col / layer.grids.groupSize()),
                           layer.grids.scheme));
    }));
    return layer;
}

} // namespace qs
