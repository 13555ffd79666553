#include "app/cli/graph_picture.h"

#include "app/cli/exit_code.h"

#include <fmt/format.h>

namespace qs::app {
namespace {

constexpr std::int64_t kErrorSamples = 16, kTimedBatch = 16;
constexpr int kTimedPasses = 5;

bool isError(NodeMetric metric) {
    return metric == NodeMetric::AccumulatedSqnr || metric == NodeMetric::OwnSqnr ||
           metric == NodeMetric::InheritedSqnr;
}

/// The set that outputs are compared on.
Result<std::shared_ptr<const CalibrationSet>> openAnySet(const InputOptions &inputs, const Model &model,
                                                         const CommandContext &context) {
    QS_TRY(auto evaluation, inputs.openEvaluation(model, context));
    if (evaluation)
        return evaluation;
    QS_TRY(auto calibration, inputs.openCalibration(model, context));
    if (!calibration)
        return fail(ErrorCode::InvalidArgument, "this runs the model: give --eval FILE or --calib FILE");
    return calibration;
}

} // namespace

Result<RunErrors> propagateErrors(const InputOptions &inputs, const qs::Run &run, std::int64_t samples,
                                  const CommandContext &context) {
    QS_TRY(const auto set, openAnySet(inputs, *run.model, context));
    QS_TRY(const auto executor, openExecutor(run.model, true, context));
    auto errors = measureRunErrors(run, *executor, *set, samples, context.run);
    if (!errors)
        return fail(inInputFile(std::move(errors).error()));
    return errors;
}

Status GraphPicture::collectFromSet(NodeMetricSources &sources, Provenance &provenance,
                                    const CommandContext &context) const {
    QS_TRY(const auto set, openAnySet(inputs, *sources.model, context));
    QS_TRY(const auto executor, openExecutor(sources.model, true, context));
    provenance.evaluationFile = set->file().filename().string();
    provenance.evaluationSha256 = set->sha256();
    if (findNodeMetric(metric)->metric == NodeMetric::Time) {
        QS_TRY(sources.times, measureNodeTimes(*executor, *set, kTimedBatch, kTimedPasses, context.run));
        provenance.evaluationSamples = sources.times->batch;
        return {};
    }
    CaptureOptions options;
    options.maxSamples = inputs.calibrationSamples();
    options.memoryLimit = inputs.memoryLimit();
    QS_TRY(sources.capture, captureActivations(*executor, *set, options, context.findings, context.run));
    provenance.evaluationSamples = sources.capture->samples;
    return {};
}

Status GraphPicture::collect(NodeMetricSources &sources, Provenance &provenance,
                             const CommandContext &context) const {
    const NodeMetric wanted = findNodeMetric(metric)->metric;
    if (wanted == NodeMetric::Sensitivity) {
        QS_TRY(SensitivityJob::Result result, (SensitivityJob{inputs, recipe}.execute(context)));
        sources.model = result.model;
        sources.sensitivity = result.table;
        sources.sensitivityBits = sensitivityBits;
        provenance = std::move(result.provenance);
        return {};
    }
    if (isError(wanted) || wanted == NodeMetric::EffectiveBits || wanted == NodeMetric::WeightSqnr ||
        wanted == NodeMetric::OutputSqnr || wanted == NodeMetric::NetworkSqnr) {
        RunJob job{inputs, recipe};
        job.measure = !isError(wanted);
        QS_TRY(sources.run, job.execute(context));
        sources.model = sources.run->model;
        provenance = sources.run->provenance;
        if (isError(wanted)) {
            QS_TRY(const RunErrors errors, propagateErrors(inputs, *sources.run, kErrorSamples, context));
            sources.errors = errors.opened;
            if (!errors.note.empty())
                context.findings.add(Severity::Info, errors.note);
            provenance.evaluationSamples = sources.errors->samples;
        }
        return {};
    }
    QS_TRY(sources.model, inputs.openModel(context));
    provenance.program = "quantoscope " QS_VERSION;
    provenance.modelFile = sources.model->file.filename().string();
    provenance.modelSha256 = sources.model->sha256;
    return wanted == NodeMetric::Time || wanted == NodeMetric::OutlierScore
               ? collectFromSet(sources, provenance, context)
               : Status{};
}

Result<GraphPicture::Result> GraphPicture::execute(const CommandContext &context) const {
    Result result;
    NodeMetricSources sources;
    QS_CHECK_OK(collect(sources, result.provenance, context));
    const NodeMetric wanted = findNodeMetric(metric)->metric;
    if (const std::string why = whyNoValues(wanted, sources); !why.empty())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("--color-by {} compares outputs: give --eval FILE or --calib FILE", metric));
    const auto source = makeMapSource(sources.model);
    QS_TRY(const auto map, layoutGraphMap(*source, openUpTo(source->blocks, boxes), direction, context.run));
    result.scene = makeGraphScene(source, map, wanted, sources);
    return result;
}

} // namespace qs::app
