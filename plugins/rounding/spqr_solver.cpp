#include "plugins/rounding/spqr_solver.h"

#include "plugins/rounding/panel_rows.h"
#include "plugins/rounding/spqr_panel.h"
#include "plugins/support/run_blocks.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

/// Mean over the columns of the variance of their weights, each weighted by the sensitivity of the column.
double outlierScale(MatrixView<const float> weights, const HessianFactor &factor) {
    std::vector<double> sum(static_cast<std::size_t>(weights.cols)), squares(sum.size());
    for (std::int64_t row = 0; row < weights.rows; ++row)
        for (std::size_t col = 0; col < sum.size(); ++col) {
            const double value = factor.dead[col] ? 0.0 : weights.row(row)[col];
            sum[col] += value;
            squares[col] += value * value;
        }
    const auto rows = static_cast<double>(weights.rows);
    double scale = 0;
    for (std::int64_t position = 0; position < weights.cols; ++position) {
        const auto col = static_cast<std::size_t>(factor.order[static_cast<std::size_t>(position)]);
        // A single row has no variance: its energy then.
        const double variance =
            rows > 1 ? std::max(0.0, (squares[col] - sum[col] * sum[col] / rows) / (rows - 1)) : squares[col];
        scale += variance * factor.diagonal[position] * factor.diagonal[position];
    }
    return scale / static_cast<double>(weights.cols);
}

/// Panels that do not cut the rows of a second-level grid.
std::int64_t panelRowsOf(std::int64_t rows, int gridRows) {
    return (panelRows(rows) + gridRows - 1) / gridRows * gridRows;
}

void groupByOrder(LayerGrids &grids, const HessianFactor &factor) {
    grids.groupOfColumn.resize(static_cast<std::size_t>(grids.cols));
    for (std::int64_t position = 0; position < grids.cols; ++position)
        grids.groupOfColumn[static_cast<std::size_t>(factor.order[static_cast<std::size_t>(position)])] =
            static_cast<std::int32_t>(position / grids.groupSize());
}

Result<std::vector<double>> errorsOf(MatrixView<const float> weights, const SpqrResult &result,
                                     MatrixView<const double> hessian, const SolverServices &services) {
    std::vector<float> difference(static_cast<std::size_t>(weights.size()));
    const MatrixView<float> view{difference.data(), weights.rows, weights.cols};
    for (std::int64_t row = 0; row < weights.rows; ++row)
        result.layer.values(row, view.row(row));
    for (std::size_t i = 0; i < result.outliers.elements.size(); ++i)
        difference[static_cast<std::size_t>(result.outliers.elements[i])] = result.outliers.values[i];
    for (std::size_t i = 0; i < difference.size(); ++i)
        difference[i] = weights.data[i] - difference[i];
    return rowErrors({difference.data(), weights.rows, weights.cols}, hessian, services);
}

} // namespace

Result<SpqrResult> solveSpqr(MatrixView<const float> weights, SliceScheme scheme,
                             MatrixView<const double> hessian, const SpqrOptions &options,
                             const SolverServices &services) {
    QS_CHECK_OK(checkWeights(weights));
    QS_TRY(const HessianFactor factor, factorHessian(hessian, {options.actOrder, options.damping}, services));
    scheme.realZeros = true;
    SpqrResult result{LayerCodes(LayerGrids(scheme, weights.rows, weights.cols)), {}, {}};
    std::vector<KeptValues> kept(static_cast<std::size_t>(weights.rows));
    SpqrShared shared{{weights, factor, services, result.layer.codes},
                      result.layer.grids,
                      options,
                      options.outlierThreshold * outlierScale(weights, factor),
                      kept};
    QS_CHECK_OK(runBlocks(
        weights.rows, panelRowsOf(weights.rows, options.gridRows), services,
        [&](std::int64_t begin, std::int64_t end) { SpqrPanel(shared, begin, end - begin).run(); }));
    if (options.actOrder && scheme.sharing == GridSharing::PerGroup)
        groupByOrder(result.layer.grids, factor);
    for (const KeptValues &row : kept)
        for (std::size_t i = 0; i < row.elements.size(); ++i)
            result.outliers.add(row.elements[i], row.values[i]);
    const auto rows = static_cast<double>(weights.rows);
    const double levels = std::ceil(rows / options.gridRows); // of 2 x 16 bits each
    result.gridBits = options.gridBits + 32.0 * levels / rows;
    QS_TRY(result.rowErrors, errorsOf(weights, result, hessian, services));
    return result;
}

} // namespace qs
