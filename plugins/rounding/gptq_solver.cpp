#include "plugins/rounding/gptq_solver.h"

#include "core/base/parallel.h"
#include "plugins/rounding/gptq_panel.h"

#include <fmt/format.h>

namespace qs {
namespace {

/// Rows that go through the columns together: many, because each panel reads the whole feedback, but enough
/// panels for all threads. \return a number that depends on the size of the layer only
std::int64_t panelRows(std::int64_t rows) {
    return std::clamp<std::int64_t>(rows / 16 / 8 * 8, 64, 256);
}

constexpr float kLargestWeight = 1e25f; ///< feedback can grow values by 1e9; float ends at 3e38

Status checkWeights(MatrixView<const float> weights) {
    for (std::int64_t row = 0; row < weights.rows; ++row)
        for (float value : weights.row(row))
            if (!(std::abs(value) <= kLargestWeight))
                return fail(ErrorCode::InvalidArgument,
                            fmt::format("row {} holds the weight {}; GPTQ takes magnitudes up to {}", row,
                                        value, kLargestWeight));
    return {};
}

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
    GptqShared shared{weights, factor, options, services, result, report, {}};
    if (options.grid == GptqGrid::PerTensor) {
        shared.tensorGrid = fitTensor(shared);
        result.scales[0] = shared.tensorGrid.scale;
        result.zeroPoints[0] = shared.tensorGrid.zeroPoint;
    }
    QS_CHECK_OK(parallelFor(
        weights.rows, panelRows(weights.rows), RunContext{{}, nullptr, services.maxThreads},
        [&](std::int64_t begin, std::int64_t end) { GptqPanel(shared, begin, end - begin).run(); }));
    if (services.cancelled())
        return RunContext::cancelledError();
    writeGroups(shared);
    report.rowsKept = shared.rowsKept;
    return report;
}

} // namespace qs
