#pragma once

#include "core/base/result.h"
#include "core/tensor/matrix_view.h"
#include "plugins/support/solver_services.h"

#include <vector>

namespace qs {

/// Which values share one grid.
enum class GridSharing { PerTensor, PerRow, PerGroup };

/// How a weight is cut into slices that share a grid, and what values become codes.
struct SliceScheme {
    GridSharing sharing = GridSharing::PerRow;
    std::int64_t groupSize = 128; ///< columns of a slice; PerGroup
    CodeRange range;
    RoundingMode rounding = RoundingMode::HalfEven;
    /// value = s (c − z) with a real z: codes are round(x / s + z); else round(x / s) + z, which differs at
    /// ties.
    bool realZeros = false;
    bool float16Scales = false; ///< scales that a solver makes itself must be float16 values
};

/// Scale and zero point, integer or real.
struct SliceGrid {
    float scale = 1.0f;
    float zero = 0.0f;
};

/// The grids of all slices of a weight.
struct LayerGrids {
    SliceScheme scheme;
    std::int64_t rows = 0, cols = 0;
    std::vector<float> scales; ///< [slices], > 0
    std::vector<float> zeros;  ///< [slices]
    /// [cols] when groups are not neighbouring columns; empty = column / groupSize.
    std::vector<std::int32_t> groupOfColumn;

    LayerGrids(SliceScheme scheme, std::int64_t rows, std::int64_t cols);

    std::int64_t groupSize() const;
    std::int64_t groupOf(std::int64_t col) const {
        return groupOfColumn.empty() ? col / groupSize() : groupOfColumn[static_cast<std::size_t>(col)];
    }
    std::int64_t groupsPerRow() const { return (cols + groupSize() - 1) / groupSize(); }
    std::size_t slice(std::int64_t row, std::int64_t group) const {
        return scheme.sharing == GridSharing::PerTensor
                   ? 0
                   : static_cast<std::size_t>(row * groupsPerRow() + group);
    }
    SliceGrid at(std::int64_t row, std::int64_t group) const {
        return {scales[slice(row, group)], zeros[slice(row, group)]};
    }
    void set(std::int64_t row, std::int64_t group, SliceGrid grid) {
        scales[slice(row, group)] = grid.scale;
        zeros[slice(row, group)] = grid.zero;
    }
};

/// Code of a finite value; a value outside of the grid gets its end.
std::int32_t codeOf(float value, SliceGrid grid, const SliceScheme &scheme);
/// The value that is stored for a code.
inline float valueOf(std::int32_t code, SliceGrid grid) {
    return grid.scale * (static_cast<float>(code) - grid.zero);
}

/// A weight as codes on grids: what solvers improve.
struct LayerCodes {
    LayerGrids grids;
    std::vector<std::int16_t> codes; ///< [rows, cols]

    explicit LayerCodes(LayerGrids layerGrids);
    /// Stored values of a row.
    void values(std::int64_t row, std::span<float> dst) const;
    /// Takes codes and grids of one row. Both must have the same scheme; with one grid per tensor, also the
    /// same grid.
    void copyRow(const LayerCodes &from, std::int64_t row);
};

/// Grids by the range rule of the caller, as round-to-nearest has them. \error Cancelled
Result<LayerGrids> fitGrids(MatrixView<const float> weights, const SliceScheme &scheme,
                            const SolverServices &services);
/// Every weight to the nearest value of its grid. \error Cancelled
Result<LayerCodes> roundToNearest(MatrixView<const float> weights, LayerGrids grids,
                                  const SolverServices &services);

} // namespace qs
