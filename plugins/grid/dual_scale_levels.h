#pragma once

#include "plugins/grid/dual_scale_fit.h"
#include "plugins/support/slices.h"

#include <array>

namespace qs {

/// What the dual-scale methods are asked for.
struct DualScaleGrid {
    int bits = 2;               ///< 2 or 3
    int iterations = 15;        ///< of the fit of each slice
    bool float16Scales = false; ///< r are rounded to float16 before codes are made
};

/// The levels of one slice as they are stored: value = scale · level. The scale is the largest r, so that it
/// can be a float16 value; levels are sums of ± r / scale.
struct DualScaleLevels {
    float scale = 1.0f;
    std::array<float, 8> levels{}; ///< the first 2^bits, ascending

    std::int16_t nearest(double value, int bits) const;
    float value(std::int16_t level) const { return scale * levels[static_cast<std::size_t>(level)]; }
};

/// Fits the levels of one slice. \return empty levels when services say Cancel
DualScaleLevels fitDualScaleLevels(std::span<const float> weights, const DualScaleGrid &grid,
                                   const SolverServices &services);

/// Levels and codes of a weight.
struct DualScaleCodes {
    std::vector<DualScaleLevels> slices; ///< [slices]
    std::vector<std::int16_t> codes;     ///< [rows, cols] index of the level
};

/// Fits each slice to its weights and takes the nearest levels.
/// \param weights  [slices.rows, slices.cols], finite
/// \error Cancelled
/// \thread parallel over slices; the result does not depend on the thread count
/// \source D2Quant, dual-scale quantizer with all column scales 1; methods A, A22
Result<DualScaleCodes> quantizeDualScales(MatrixView<const float> weights, const Slices &slices,
                                          const DualScaleGrid &grid, const SolverServices &services);

/// The same inside GPTQ: columns are rounded in order, each group is fitted to its weights as the columns
/// before it have changed them, and errors are fed to the columns that follow.
/// \param slices   rows or groups of columns; not one slice for all
/// \param hessian  [cols, cols]
/// \param damping  as in FactorOptions
/// \error InvalidArgument  of factorHessian and checkWeights;  Cancelled
/// \thread parallel over rows; the result does not depend on the thread count
/// \source methods A, A22 step 3 and A2
Result<DualScaleCodes> roundDualScalesWithFeedback(MatrixView<const float> weights, const Slices &slices,
                                                   MatrixView<const double> hessian, double damping,
                                                   const DualScaleGrid &grid, const SolverServices &services);

} // namespace qs
