#include "plugins/rounding/adaround_solver.h"

#include "plugins/rounding/adaround_panel.h"
#include "plugins/rounding/panel_rows.h"
#include "plugins/support/run_blocks.h"

#include <atomic>

namespace qs {
namespace {

/// λ of every row. Nearest rounding sets the scale of the errors: at the start the soft codes stand for the
/// weights themselves, whose error is 0.
std::vector<double> lambdas(const std::vector<double> &nearestErrors, std::int64_t cols,
                            const AdaRoundOptions &options) {
    std::vector<double> lambda(nearestErrors.size(), options.lambda);
    if (options.lambda <= 0.0)
        for (std::size_t row = 0; row < lambda.size(); ++row) // the loss is d H dᵀ / 2
            lambda[row] = options.regularization * 0.5 * nearestErrors[row] / static_cast<double>(cols);
    for (double &value : lambda)
        if (!(value > 1e-30))
            value = 1.0; // nothing to gain in this row
    return lambda;
}

} // namespace

Result<AdaRoundResult> solveAdaRound(MatrixView<const float> weights, const SliceScheme &scheme,
                                     MatrixView<const double> hessian, const AdaRoundOptions &options,
                                     const SolverServices &services) {
    QS_CHECK_OK(checkWeights(weights));
    QS_CHECK_OK(checkHessian(hessian, services));
    QS_TRY(const LayerGrids grids, fitGrids(weights, scheme, services));
    QS_TRY(const LayerCodes nearest, roundToNearest(weights, grids, services));
    QS_TRY(const std::vector<double> nearestErrors, rowErrors(weights, nearest, hessian, services));
    const std::vector<double> lambda = lambdas(nearestErrors, weights.cols, options);
    const Eigen::MatrixXf matrix =
        Eigen::Map<const Eigen::MatrixXd>(hessian.data, hessian.rows, hessian.cols).cast<float>();

    AdaRoundResult result{nearest, {}};
    const AdaRoundShared shared{weights, grids, matrix, lambda, options, services, result.layer};
    std::atomic<std::int64_t> done{0};
    std::atomic<std::int64_t> decided{0};
    QS_CHECK_OK(
        runBlocks(weights.rows, panelRows(weights.rows), services, [&](std::int64_t begin, std::int64_t end) {
            AdaRoundPanel panel(shared, begin, end - begin);
            for (int i = 1; i <= options.iterations && !services.cancelled(); ++i) {
                panel.step(i);
                services.progress(done += end - begin, weights.rows * options.iterations,
                                  "learning to round");
            }
            decided += panel.store();
        }));
    result.binaryShare = static_cast<double>(decided) / static_cast<double>(weights.size());
    QS_TRY(result.rowErrors, rowErrors(weights, result.layer, hessian, services));
    if (options.keepBest)
        result.rowsKept = keepBetterRows(result.layer, result.rowErrors, nearest, nearestErrors);
    return result;
}

} // namespace qs
