#include "plugins/rounding/quantease_solver.h"

#include "plugins/rounding/fixed_grid_rounding.h"
#include "plugins/rounding/panel_rows.h"
#include "plugins/rounding/quantease_outliers.h"
#include "plugins/rounding/quantease_panel.h"
#include "plugins/support/run_blocks.h"

#include <atomic>

namespace qs {
namespace {

constexpr int kLastRelaxedSweep = 25;

bool isRelaxed(int sweep, const QuantEaseOptions &options) {
    return options.relaxation && sweep % 3 == 1 && sweep <= kLastRelaxedSweep && sweep != options.sweeps - 1;
}

/// What the sweeps of all panels share. Rows of layers and matrices are written by one panel each.
struct Descent {
    MatrixView<const float> weights;
    const QuantEaseOptions &options;
    const SolverServices &services;
    LayerCodes &layer;            ///< start codes, then the result
    std::vector<double> &errors;  ///< of the rows of the layer
    Eigen::MatrixXd &sweepErrors; ///< [rows, sweeps]
    std::atomic<std::int64_t> done{0};
};

std::vector<double> columnSums(const Eigen::MatrixXd &matrix) {
    const Eigen::VectorXd sums = matrix.colwise().sum();
    return {sums.begin(), sums.end()};
}

/// Takes over the rows whose codes are to be kept after a sweep on the grid.
void keepRows(const QuantEasePanel &panel, Descent &descent, bool all) {
    for (std::int64_t row = 0; row < panel.rows(); ++row) {
        double &best = descent.errors[static_cast<std::size_t>(panel.firstRow() + row)];
        if (!all && panel.errors()[row] >= best)
            continue;
        best = panel.errors()[row];
        panel.copyCodes(row, descent.layer);
    }
}

/// All sweeps of one panel. A sweep that changes nothing ends them, unless a relaxed one is to come.
void descendPanel(QuantEasePanel &panel, Descent &descent) {
    const QuantEaseOptions &options = descent.options;
    bool settled = false;
    for (int sweep = 0; sweep < options.sweeps; ++sweep) {
        const bool relaxed = isRelaxed(sweep, options);
        if (relaxed)
            settled = false;
        const std::int64_t changed = settled ? 0 : panel.sweep(relaxed);
        if (descent.services.cancelled())
            return;
        descent.sweepErrors.col(sweep).segment(panel.firstRow(), panel.rows()) = panel.errors();
        if (!relaxed && !settled) {
            keepRows(panel, descent, !options.keepBest);
            settled = changed == 0;
        }
        const std::int64_t done = descent.done += panel.rows();
        descent.services.progress(done, descent.weights.rows * options.sweeps, "descending by columns");
    }
}

Result<LayerCodes> startCodes(MatrixView<const float> weights, const LayerGrids &grids,
                              MatrixView<const double> hessian, const QuantEaseOptions &options,
                              const SolverServices &services) {
    if (options.start != QuantEaseStart::Gptq)
        return roundToNearest(weights, grids, services);
    QS_TRY(const HessianFactor factor, factorHessian(hessian, {options.actOrder, options.damping}, services));
    return roundWithFeedback(weights, grids, factor, services);
}

/// Without outliers: every panel goes through all sweeps on its own.
Result<QuantEaseResult> descend(MatrixView<const float> weights, const SliceScheme &scheme,
                                MatrixView<const double> hessian, const QuantEaseOptions &options,
                                const ColumnCoupling &coupling, const SolverServices &services) {
    QS_TRY(const LayerGrids grids, fitGrids(weights, scheme, services));
    QS_TRY(const LayerCodes start, startCodes(weights, grids, hessian, options, services));
    QS_TRY(std::vector<double> startErrors, rowErrors(weights, start, hessian, services));
    QuantEaseResult result{start, {}, startErrors, {}};
    Eigen::MatrixXd sweepErrors = Eigen::MatrixXd::Zero(weights.rows, options.sweeps);
    Descent descent{weights, options, services, result.layer, result.rowErrors, sweepErrors};
    QS_CHECK_OK(
        runBlocks(weights.rows, panelRows(weights.rows), services, [&](std::int64_t begin, std::int64_t end) {
            QuantEasePanel panel(weights, coupling, grids, services, begin, end - begin);
            if (options.start != QuantEaseStart::Weights)
                panel.startFrom(start, startErrors);
            descendPanel(panel, descent);
        }));
    result.sweepErrors = columnSums(sweepErrors);
    QS_TRY(result.rowErrors, rowErrors(weights, result.layer, hessian, services));
    if (options.keepBest)
        result.rowsKept = keepBetterRows(result.layer, result.rowErrors, start, startErrors);
    return result;
}

} // namespace

Result<QuantEaseResult> solveQuantEase(MatrixView<const float> weights, const SliceScheme &scheme,
                                       MatrixView<const double> hessian, const QuantEaseOptions &options,
                                       const SolverServices &services) {
    QS_CHECK_OK(checkWeights(weights));
    QS_CHECK_OK(checkHessian(hessian, services));
    QS_TRY(const ColumnCoupling coupling, coupleColumns(hessian, options.actOrder, services));
    return options.outlierShare > 0.0
               ? descendWithOutliers(weights, scheme, hessian, options, coupling, services)
               : descend(weights, scheme, hessian, options, coupling, services);
}

} // namespace qs
