#include "core/analysis/quantize_layer.h"
#include "core/base/progress_window.h"
#include "core/session/provenance_caption.h"
#include "core/session/sweep/sweep_bench.h"

#include <chrono>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr std::size_t kMostNotes = 4;
constexpr double kQuantized = 0.5; // share of a job's progress bar

/// Whether the methods themselves say that they cannot take a layer, in contrast to having tried and failed.
bool isRefused(const Layer &layer, const WeightChoice &choice, const MethodRegistry &methods) {
    const MatrixView<const float> sizes{nullptr, layer.outChannels, layer.inPerOut};
    const auto complete = [&](const std::string &id, const nlohmann::json &parameters) {
        const ParameterSchema *schema = methods.schema(id);
        return schema ? schema->complete(parameters).value_or(nlohmann::json::object())
                      : nlohmann::json::object();
    };
    if (const auto quantizer = methods.find(choice.method)) {
        QuantizeRequest request;
        request.layerName = layer.name;
        request.weights = sizes;
        request.groups = layer.groups;
        request.scheme = choice.scheme;
        request.parameters = complete(choice.method, choice.parameters);
        if (!quantizer->supports(request).yes)
            return true;
    }
    const auto branch = choice.branch ? methods.findBranch(choice.branch->method) : nullptr;
    if (!branch)
        return false;
    BranchRequest request;
    request.layerName = layer.name;
    request.weights = sizes;
    request.scheme = choice.scheme;
    request.parameters = complete(choice.branch->method, choice.branch->parameters);
    return !branch->supports(request).yes;
}

/// Layers that the recipe chooses and how many of them stayed in float, with the first reason.
void describeLayers(const Run &run, const MethodRegistry &methods, SweepRecord &record) {
    bool broken = false;
    std::string first;
    for (const auto &layer : run.layers) {
        if (layer->state == LayerResult::State::Float)
            continue;
        ++record.layers;
        if (layer->state != LayerResult::State::Failed)
            continue;
        ++record.floatLayers;
        const Layer &source = run.model->layers[static_cast<std::size_t>(layer->layer)];
        broken = broken || !layer->choice.weight || !isRefused(source, *layer->choice.weight, methods);
        if (first.empty())
            first = source.name + ": " + layer->failure;
    }
    if (record.floatLayers == 0)
        return;
    if (record.floatLayers < record.layers) {
        record.state = SweepRecord::State::Partial;
        record.reason =
            fmt::format("{} of {} layers stayed in float; {}", record.floatLayers, record.layers, first);
    } else {
        record.state = broken ? SweepRecord::State::Failed : SweepRecord::State::NotApplicable;
        record.reason = first;
    }
}

/// Failures of layers are in the reason; what else was said about the job.
void describeNotes(const FindingList &findings, SweepRecord &record) {
    std::size_t left = 0;
    for (const FindingList::Entry &entry : findings.snapshot()) {
        if (entry.finding.severity == Severity::Error)
            continue;
        const Finding &finding = entry.finding;
        if (record.notes.size() < kMostNotes)
            record.notes.push_back(finding.where.empty() ? finding.what
                                                         : finding.where + ": " + finding.what);
        else
            ++left;
    }
    if (left > 0)
        record.notes.push_back(fmt::format("and {} more", left));
}

void describeRun(const Run &run, const MethodRegistry &methods, SweepRecord &record) {
    record.methodVersions = run.provenance.methodVersions;
    describeLayers(run, methods, record);
    if (!record.isMeasured())
        return;
    for (const RunFigure &figure : runFigures())
        if (const auto value = figure.valueOf(run))
            record.values[figure.id] = *value;
}

/// Runs the job; the shared evaluator compares outputs, so that the float model is run once for all jobs.
Result<std::shared_ptr<const Run>> executeJob(RunRequest request,
                                              const std::shared_ptr<const Evaluator> &evaluator,
                                              FindingList &findings, const RunContext &ctx) {
    // A transformed model has other layers than the evaluator's.
    const bool shares = evaluator && request.recipe.transforms.empty();
    if (shares)
        request.evaluationSamples = 1; // a run compares outputs on one sample at least
    ProgressWindow running(ctx, 0.0, shares ? kQuantized : 1.0), measuring(ctx, kQuantized, 1.0);
    QS_TRY(const auto run, executeRun(request, {}, findings, running.context()));
    if (!shares)
        return run;
    auto measured = std::make_shared<Run>(*run);
    QS_TRY(measured->total, evaluator->evaluate(measured->quantizedLayers(), measuring.context()));
    measured->baseline = evaluator->baseline();
    return std::shared_ptr<const Run>(measured);
}

/// A result that only seems to have been transformed, or learned, would be worse than none.
Status checkApplied(const Run &run) {
    for (const TransformStep &step : run.recipe.transforms)
        if (!run.provenance.methodVersions.contains(step.method.method))
            return fail(ErrorCode::Unsupported, "runs of this version do not apply transforms");
    return {};
}

/// A job must not take the others with it: memory can end anywhere.
Result<std::shared_ptr<const Run>> executeGuarded(const RunRequest &request,
                                                  const std::shared_ptr<const Evaluator> &evaluator,
                                                  FindingList &findings, const RunContext &ctx) {
    if (!request.calibration && needsCalibration(request.recipe, *request.methods))
        return fail(ErrorCode::Unsupported, "needs a calibration set, and there is none for this model");
    try {
        QS_TRY(const auto run, executeJob(request, evaluator, findings, ctx));
        QS_CHECK_OK(checkApplied(*run));
        return run;
    } catch (const std::bad_alloc &) {
        return fail(ErrorCode::OutOfMemory, "memory is not enough. Use fewer samples or fewer jobs at once.");
    } catch (const std::exception &exception) {
        return fail(ErrorCode::PluginFailure, fmt::format("unexpected failure: {}", exception.what()));
    }
}

} // namespace

Result<SweepJobResult> runSweepJob(const SweepJob &job, const SweepBench &bench, const SweepPlan &plan,
                                   const std::shared_ptr<const MethodRegistry> &methods,
                                   const RunContext &ctx) {
    RunRequest request;
    request.name = job.recipe.name;
    request.model = bench.model;
    request.executor = bench.executor;
    request.calibration = bench.calibration;
    request.evaluation = bench.evaluation;
    request.capture = bench.capture;
    request.methods = methods;
    request.recipe = job.recipe;
    request.calibrationSamples = plan.calibrationSamples;
    request.evaluationSamples = plan.evaluationSamples;
    request.memoryLimit = plan.memoryLimit;
    request.measureInNetwork = false;
    SweepJobResult result;
    SweepRecord &record = result.record;
    record.job = job;
    record.program = programVersion();
    FindingList findings;
    const auto start = std::chrono::steady_clock::now();
    const auto run = executeGuarded(request, bench.evaluator, findings, ctx);
    record.wallSeconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (!run && run.error().code == ErrorCode::Cancelled)
        return fail(run.error());
    if (run) {
        describeRun(**run, *methods, record);
        result.calibrationCost = (*run)->calibrationCost;
    } else {
        record.state = run.error().code == ErrorCode::Unsupported ? SweepRecord::State::NotApplicable
                                                                  : SweepRecord::State::Failed;
        record.reason = run.error().text();
    }
    describeNotes(findings, record);
    return result;
}

} // namespace qs
