#include "core/session/sensitivity_run.h"

#include "core/session/recipe_network.h"

namespace qs {
namespace {

/// Null when no method of the layers that are measured needs it.
Result<std::shared_ptr<CaptureSource>> calibrate(const SensitivityRequest &request,
                                                 const RecipeNetwork &network, FindingList &findings,
                                                 const RunContext &ctx) {
    CaptureOptions options;
    options.maxSamples = request.calibrationSamples;
    options.memoryLimit = request.memoryLimit;
    options.hessians = sensitivityHessians(*network.model, request.options, *request.methods);
    if (options.hessians.empty())
        return std::shared_ptr<CaptureSource>();
    if (!request.calibration)
        return fail(ErrorCode::InvalidArgument,
                    "a method of the recipe learns from data; open a calibration set that fits the model");
    // A capture of the model as it was opened does not fit the transformed one.
    return CaptureSource::open(
        {network.executor, request.calibration, options, network.prepared ? nullptr : request.capture},
        findings, ctx);
}

} // namespace

Result<std::shared_ptr<const SensitivityTable>>
runSensitivity(const SensitivityRequest &request,
               const std::function<void(std::shared_ptr<const SensitivityTable>)> &rowFinished,
               FindingList &findings, const RunContext &ctx) {
    QS_CHECK_OK(request.options.recipe.validate());
    const PrepareRequest prepare{
        request.model,   request.executor,        request.calibration, request.calibrationSamples,
        request.methods, &request.options.recipe, request.memoryLimit};
    QS_TRY(const RecipeNetwork network, makeRecipeNetwork(prepare, findings, ctx));
    QS_TRY(const auto calibration, calibrate(request, network, findings, ctx));
    QS_TRY(const auto evaluator,
           Evaluator::create(network.executor, request.evaluation, request.options.samples, findings, ctx));
    QS_TRY(const auto table,
           measureSensitivity(*evaluator, *network.model, calibration.get(), *request.methods,
                              request.options, rowFinished, findings, ctx));
    auto told = std::make_shared<SensitivityTable>(*table);
    if (network.prepared)
        told->calibrationCost = network.prepared->calibrationCost;
    if (calibration) {
        calibration->cost().tellGroups(request.model->file.filename().string(), findings);
        told->calibrationCost.add(calibration->cost());
    }
    return std::shared_ptr<const SensitivityTable>(std::move(told));
}

} // namespace qs
