#include "core/session/sweep/sweep_bench.h"

#include "core/analysis/quantize_layer.h"
#include "core/base/progress_window.h"
#include "core/exec/capture_memory.h"
#include "core/io/importer.h"
#include "core/session/provenance_caption.h"

#include <fmt/format.h>

namespace qs {
namespace {

/// Null when there is none, or when one that was only found by its name does not fit.
Result<std::shared_ptr<const CalibrationSet>> openSet(const std::filesystem::path &file, bool foundByName,
                                                      const Model &model, FindingList &findings,
                                                      const RunContext &ctx) {
    if (file.empty())
        return std::shared_ptr<const CalibrationSet>();
    auto set = CalibrationSet::open(file, ctx);
    if (!set)
        return set;
    const Status fits = checkFits(**set, model.graph);
    if (fits) {
        tellUnused(**set, model.graph, findings);
        return set;
    }
    if (!foundByName)
        return fail(fits.error());
    findings.add(Severity::Info,
                 fmt::format("{} lies beside the model but does not fit it: {}", file.filename().string(),
                             fits.error().message),
                 model.file.filename().string(), "It is left out.");
    return std::shared_ptr<const CalibrationSet>();
}

SweepSet describe(const CalibrationSet *set, std::int64_t samples) {
    if (!set)
        return {};
    return {set->file().filename().string(), set->sha256(),
            samples > 0 ? std::min(samples, set->samples()) : set->samples()};
}

/// The executor, or null with a finding when operators are missing.
Result<std::shared_ptr<const Executor>> openExecutor(const std::shared_ptr<const Model> &model,
                                                     FindingList &findings) {
    auto executor = Executor::create(model);
    if (executor || executor.error().code != ErrorCode::Unsupported)
        return executor;
    findings.add(Severity::Warning, executor.error().message, model->file.filename().string(),
                 "Its outputs are not measured, only its weights.");
    return std::shared_ptr<const Executor>();
}

/// Only what says something about the float model alone.
void describeTask(const OutputMetrics &baseline, SweepModel &description) {
    for (const Metric metric : {Metric::Top1, Metric::Perplexity})
        if (const auto value = metricValue(baseline, metric))
            description.baseline[metricInfo(metric).id] = *value;
    for (const Metric metric : {Metric::Top1, Metric::Perplexity, Metric::Top1Agreement, Metric::OutputSqnr})
        if (metricValue(baseline, metric)) {
            description.taskMetric = metricInfo(metric).id;
            return;
        }
}

/// Whether what all jobs share may be held at once.
Result<bool> fitsLimit(const SweepBench &bench, const CaptureOptions &options, const RunContext &ctx) {
    if (options.memoryLimit <= 0 || options.hessians.empty())
        return true;
    QS_TRY(const auto batch, batchShapes(*bench.model, *bench.calibration, options));
    QS_TRY(const CaptureMemory memory, planCaptureMemory(*bench.model, options, batch, ctx));
    return memory.total() <= options.memoryLimit;
}

Status calibrate(SweepBench &bench, std::span<const Recipe> recipes, const SweepPlan &plan,
                 const MethodRegistry &methods, FindingList &findings, const RunContext &ctx) {
    CaptureOptions options;
    options.maxSamples = plan.calibrationSamples;
    options.memoryLimit = plan.memoryLimit;
    for (const Recipe &recipe : recipes)
        if (recipe.transforms.empty())
            options.hessians.merge(neededHessians(*bench.model, recipe, methods));
    QS_TRY(bench.sharesHessians, fitsLimit(bench, options, ctx));
    if (!bench.sharesHessians)
        options.hessians.clear();
    const bool isShared = std::ranges::any_of(
        recipes, [&](const Recipe &recipe) { return !calibratesItself(recipe, bench, methods); });
    if (isShared) {
        QS_TRY(bench.capture,
               captureActivations(*bench.executor, *bench.calibration, options, findings, ctx));
        bench.calibrationCost = {plan.memoryLimit, bench.capture->peakBytes, 0, 1};
    }
    return {};
}

} // namespace

bool calibratesItself(const Recipe &recipe, const SweepBench &bench, const MethodRegistry &methods) {
    if (!bench.executor || !bench.calibration)
        return false;
    return !recipe.transforms.empty() ||
           (!bench.sharesHessians && !neededHessians(*bench.model, recipe, methods).empty());
}

Result<SweepBench> openBench(const ModelFiles &files, const SweepPlan &plan, FindingList &findings,
                             const RunContext &ctx) {
    SweepBench bench;
    QS_TRY(bench.model, openModel(files.model, findings, ctx));
    QS_TRY(bench.calibration, openSet(files.calibration, files.dataFoundByName, *bench.model, findings, ctx));
    QS_TRY(bench.evaluation, openSet(files.evaluation, files.dataFoundByName, *bench.model, findings, ctx));
    SweepModel &description = bench.description;
    description.name = files.name;
    description.file = bench.model->file.filename().string();
    description.sha256 = bench.model->sha256;
    description.calibration = describe(bench.calibration.get(), plan.calibrationSamples);
    const auto compared = bench.evaluation ? bench.evaluation : bench.calibration;
    description.evaluation = describe(compared.get(), plan.evaluationSamples);
    description.layers = static_cast<std::int64_t>(bench.model->layers.size());
    for (const Layer &layer : bench.model->layers)
        description.weights += layer.parameters();
    return bench;
}

Status prepareBench(SweepBench &bench, std::span<const Recipe> recipes, const SweepPlan &plan,
                    const MethodRegistry &methods, FindingList &findings, const RunContext &ctx) {
    QS_TRY(bench.executor, openExecutor(bench.model, findings));
    if (!bench.executor)
        return {};
    ProgressWindow calibrating(ctx, 0.0, 0.6), running(ctx, 0.6, 1.0);
    if (bench.calibration) {
        QS_CHECK_OK(calibrate(bench, recipes, plan, methods, findings, calibrating.context()));
    }
    if (const auto compared = bench.evaluation ? bench.evaluation : bench.calibration) {
        QS_TRY(bench.evaluator, Evaluator::create(bench.executor, compared, plan.evaluationSamples, findings,
                                                  running.context()));
        describeTask(bench.evaluator->baseline(), bench.description);
    }
    return {};
}

} // namespace qs
