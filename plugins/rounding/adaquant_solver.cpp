#include "plugins/rounding/adaquant_solver.h"

#include "plugins/rounding/adaquant_panel.h"
#include "plugins/rounding/panel_rows.h"
#include "plugins/support/run_blocks.h"

#include <atomic>

namespace qs {

Result<AdaQuantResult> solveAdaQuant(MatrixView<const float> weights, const SliceScheme &scheme,
                                     MatrixView<const double> hessian, const AdaQuantOptions &options,
                                     const SolverServices &services) {
    QS_CHECK_OK(checkWeights(weights));
    QS_CHECK_OK(checkHessian(hessian, services));
    QS_TRY(LayerGrids grids, fitGrids(weights, scheme, services));
    QS_TRY(const LayerCodes nearest, roundToNearest(weights, std::move(grids), services));
    QS_TRY(const std::vector<double> nearestErrors, rowErrors(weights, nearest, hessian, services));
    const Eigen::MatrixXf matrix =
        Eigen::Map<const Eigen::MatrixXd>(hessian.data, hessian.rows, hessian.cols).cast<float>();

    AdaQuantResult result{nearest, nearestErrors};
    const AdaQuantShared shared{weights, matrix, options, services, result.layer, result.rowErrors};
    std::atomic<std::int64_t> done{0};
    QS_CHECK_OK(
        runBlocks(weights.rows, panelRows(weights.rows), services, [&](std::int64_t begin, std::int64_t end) {
            AdaQuantPanel panel(shared, begin, end - begin);
            for (int i = 1; i <= options.iterations && !services.cancelled(); ++i) {
                panel.step(i);
                services.progress(done += end - begin, weights.rows * options.iterations, "learning weights");
            }
        }));
    // Float32 products chose the best step; what is reported, and the choice against nearest, is exact.
    QS_TRY(result.rowErrors, rowErrors(weights, result.layer, hessian, services));
    keepBetterRows(result.layer, result.rowErrors, nearest, nearestErrors);
    for (std::size_t row = 0; row < nearestErrors.size(); ++row)
        result.rowsKept += result.rowErrors[row] == nearestErrors[row] ? 1 : 0;
    return result;
}

} // namespace qs
