#pragma once

#include "core/base/result.h"
#include "core/tensor/matrix_view.h"
#include "plugins/support/slices.h"
#include "plugins/support/solver_services.h"

#include <functional>
#include <span>
#include <vector>

namespace qs {

/// The smallest and the largest value that a grid should hold.
struct ClipRange {
    double lo = 0;
    double hi = 0;
};

struct ClipGridOptions {
    int bits = 4;
    GridConvention convention = GridConvention::Asymmetric;
    RoundingMode rounding = RoundingMode::HalfEven;
    bool float16Scales = false;
};

/// The output error (w - q) H (w - q)^T of a slice on one grid after another. Near grids are cheap: only the
/// elements whose code changes cost anything, one row of H each.
class SliceError {
public:
    /// \param hessian  block of H for the columns of the slice, row-major; must outlive this object
    /// \param stride   elements between its rows
    /// \param cancelled  once it says yes, errors mean nothing
    SliceError(
        std::span<const float> weights, const double *hessian, std::int64_t stride,
        const ClipGridOptions &options, std::function<bool()> cancelled = [] { return false; });

    /// Error with the grid of this range, and that grid.
    struct Trial {
        ScaleZero grid;
        double error = 0;
    };
    Trial at(ClipRange range);

private:
    void move(std::size_t column, double step);

    const std::span<const float> m_weights;
    const double *const m_hessian;
    const std::int64_t m_stride;
    const ClipGridOptions m_options;
    const CodeRange m_codes;
    const std::function<bool()> m_cancelled;
    std::vector<double> m_weightProduct;   ///< H w
    std::vector<double> m_next;            ///< a of the grid at hand
    std::vector<double> m_multiples;       ///< a: q = scale a
    std::vector<double> m_multipleProduct; ///< H a
    double m_energy = 0;                   ///< w H w
    double m_mixed = 0;                    ///< w H a
    double m_square = 0;                   ///< a H a
};

/// Tries ranges of one slice and returns the best trial.
using ClipStrategy = std::function<SliceError::Trial(std::span<const float> weights, SliceError &error)>;

struct ClipResult {
    std::vector<float> scales;            ///< [slices]
    std::vector<std::int32_t> zeroPoints; ///< [slices]
    std::vector<std::int16_t> codes;      ///< [rows, cols]
    std::vector<double> errors;           ///< [slices] with the block of H of the slice alone
};

/// Runs the strategy on every slice and rounds to the grids it chose.
/// \param weights  [rows, cols], finite
/// \param slices   rows or groups of columns; not one slice for all
/// \param hessian  [cols, cols]
/// \error Cancelled
/// \thread parallel over slices; the result does not depend on the thread count
Result<ClipResult> searchClips(MatrixView<const float> weights, const Slices &slices,
                               MatrixView<const double> hessian, const ClipGridOptions &options,
                               const ClipStrategy &strategy, const SolverServices &services);

/// Two factors in [smallest, 1], for the lower and for the upper end; symmetric grids use one for both.
struct FactorSearch {
    int steps = 51; ///< factors on the way from 1 down to the smallest, >= 2
    double smallest = 0.5;
    bool everyPair = true; ///< false: one factor at a time, in turn, until neither helps
};
/// OmniQuant's learnable clipping, searched. \source Shao et al. 2023, arXiv:2308.13137; methods A, A9
ClipStrategy factorStrategy(const FactorSearch &search, const ClipGridOptions &options,
                            const std::function<bool()> &cancelled);

/// One magnitude m = (1 - i / steps) max |w| for i below shrink steps; values are clamped to [-m, m].
/// AWQ's clip search. \source Lin et al. 2023, arXiv:2306.00978, auto_clip; methods A, A6
ClipStrategy magnitudeStrategy(int steps, double largestShrink, const std::function<bool()> &cancelled);

} // namespace qs
