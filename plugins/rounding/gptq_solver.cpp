#include "plugins/rounding/gptq_solver.h"

#include "plugins/rounding/gptq_panel.h"
#include "plugins/rounding/panel_rows.h"
#include "plugins/rounding/row_errors.h"
#include "plugins/support/run_blocks.h"

namespace qs {
namespace {

ScaleZero fitTensor(const GptqShared &shared) {
    std::vector<float> values(shared.weights.data, shared.weights.data + shared.weights.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        if (shared.factor.dead[i % static_cast<std::size_t>(shared.weights.cols)])
            values[i] = 0.0f;
    return shared.services.fitGrid(values);
}

/// Groups follow the processing order only when they are made while columns are being reordered.
void writeGroups(const GptqShared &shared) {
    if (!shared.dynamicGroups() || !shared.options.actOrder)
        return;
    for (std::int64_t position = 0; position < shared.weights.cols; ++position) {
        const auto column = static_cast<std::size_t>(shared.factor.order[static_cast<std::size_t>(position)]);
        shared.result.groupOfColumn[column] = static_cast<std::int32_t>(position / shared.groupSize());
    }
}

} // namespace

Result<GptqReport> solveGptq(MatrixView<const float> weights, MatrixView<const double> hessian,
                             const GptqOptions &options, const SolverServices &services,
                             const GptqResult &result) {
    QS_CHECK_OK(checkWeights(weights));
    QS_TRY(const HessianFactor factor, factorHessian(hessian, {options.actOrder, options.damping}, services));
    GptqReport report;
    report.rowError.resize(static_cast<std::size_t>(weights.rows));
    report.damping = factor.damping;
    report.deadColumns = std::count(factor.dead.begin(), factor.dead.end(), true);
    GptqShared shared{{weights, factor, services, result.codes}, options, result, report, {}};
    if (options.grid == GridSharing::PerTensor) {
        shared.tensorGrid = fitTensor(shared);
        result.scales[0] = shared.tensorGrid.scale;
        result.zeroPoints[0] = shared.tensorGrid.zeroPoint;
    }
    QS_CHECK_OK(
        runBlocks(weights.rows, panelRows(weights.rows), services, [&](std::int64_t begin, std::int64_t end) {
            GptqPanel(shared, begin, end - begin).run();
        }));
    writeGroups(shared);
    report.rowsKept = shared.rowsKept;
    return report;
}

} // namespace qs
