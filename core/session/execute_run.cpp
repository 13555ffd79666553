#include "core/analysis/quantize_layer.h"
#include "core/base/progress_window.h"
#include "core/session/run.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>

namespace qs {
namespace {

/// Shares of the progress bar; measured on the sample models, where in-network errors dominate.
constexpr double kCalibrated = 0.15, kBaseline = 0.25, kLayers = 0.85;

class RunExecution {
public:
    RunExecution(const RunRequest &request, const RunObserver &observer, FindingList &findings,
                 const RunContext &ctx)
        : m_request(request), m_observer(observer), m_findings(findings), m_ctx(ctx) {
        m_run.name = request.name;
        m_run.model = request.model;
        m_run.recipe = request.recipe;
        m_run.layers.resize(request.model->layers.size());
    }

    Result<std::shared_ptr<const Run>> execute() {
        QS_CHECK_OK(m_request.recipe.validate());
        describeProvenance();
        QS_CHECK_OK(calibrate());
        publish();
        QS_CHECK_OK(prepareEvaluators());
        for (const Layer &layer : m_request.model->layers) {
            QS_CHECK_OK(runLayer(layer));
            publish();
        }
        QS_CHECK_OK(measureTotal());
        m_run.complete = true;
        return publish();
    }

private:
    std::shared_ptr<const Run> publish() {
        auto snapshot = std::make_shared<const Run>(m_run);
        if (m_observer)
            m_observer(snapshot);
        return snapshot;
    }

    void describeProvenance() {
        Provenance &provenance = m_run.provenance;
        provenance.program = QS_PROGRAM_VERSION;
        provenance.modelFile = m_request.model->file.filename().string();
        provenance.modelSha256 = m_request.model->sha256;
        provenance.seed = m_request.recipe.seed;
        if (m_request.calibration) {
            provenance.calibrationFile = m_request.calibration->file().filename().string();
            provenance.calibrationSha256 = m_request.calibration->sha256();
        }
        if (const auto set = evaluationSet()) {
            provenance.evaluationFile = set->file().filename().string();
            provenance.evaluationSha256 = set->sha256();
        }
        for (const Layer &layer : m_request.model->layers) {
            const LayerChoice choice = m_request.recipe.choiceFor(layer.name);
            const auto method = choice.weight ? m_request.methods->find(choice.weight->method) : nullptr;
            if (method)
                provenance.methodVersions[method->info().id] = method->info().version;
        }
    }

    std::shared_ptr<const CalibrationSet> evaluationSet() const {
        return m_request.evaluation ? m_request.evaluation : m_request.calibration;
    }

    Status calibrate() {
        if (!m_request.executor || !m_request.calibration)
            return {};
        CaptureOptions options;
        options.maxSamples = m_request.calibrationSamples;
        options.hessianLayers = layersThatNeedHessian(*m_request.model, m_request.recipe, *m_request.methods);
        ProgressWindow window(m_ctx, 0.0, kCalibrated);
        QS_TRY(m_run.capture, captureOrReuse(m_request.capture, *m_request.executor, *m_request.calibration,
                                             options, m_findings, window.context()));
        m_run.provenance.calibrationSamples = m_run.capture->samples;
        return {};
    }

    Status prepareEvaluators() {
        if (!m_request.executor || !evaluationSet())
            return {};
        ProgressWindow window(m_ctx, kCalibrated, kBaseline);
        QS_TRY(m_total, Evaluator::create(m_request.executor, evaluationSet(), m_request.evaluationSamples,
                                          window.context()));
        m_run.baseline = m_total->baseline();
        m_run.provenance.evaluationSamples = m_total->samples();
        if (m_request.measureInNetwork) {
            QS_TRY(m_alone, Evaluator::create(m_request.executor, evaluationSet(), m_request.inNetworkSamples,
                                              window.context()));
        }
        return {};
    }

    Status runLayer(const Layer &layer) {
        auto result = std::make_shared<LayerResult>();
        result->layer = layer.id;
        result->choice = m_request.recipe.choiceFor(layer.name);
        const int storedBits = dtypeBits(m_request.model->graph.constant(layer.weight)->dtype());
        result->bits.codes = storedBits;
        const auto index = static_cast<std::size_t>(layer.id);
        if (result->choice.weight || result->choice.activation) {
            const std::size_t count = m_request.model->layers.size();
            ProgressWindow window(m_ctx,
                                  kBaseline + (kLayers - kBaseline) * static_cast<double>(index) /
                                                  static_cast<double>(count),
                                  kBaseline + (kLayers - kBaseline) * static_cast<double>(index + 1) /
                                                  static_cast<double>(count));
            const RunContext ctx = window.context();
            ctx.step(0, 1, fmt::format("quantizing {}", layer.name));
            QS_CHECK_OK(quantizeAndMeasure(layer, *result, ctx));
        }
        m_run.layers[index] = std::move(result);
        return {};
    }

    Status quantizeAndMeasure(const Layer &layer, LayerResult &result, const RunContext &ctx) {
        const LayerCapture *capture =
            m_run.capture ? m_run.capture->layers[static_cast<std::size_t>(layer.id)].get() : nullptr;
        const auto start = std::chrono::steady_clock::now();
        auto quantized = quantizeLayer(*m_request.model, layer, result.choice, capture, *m_request.methods,
                                       m_request.recipe.seed, m_findings, ctx);
        result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        if (!quantized) {
            if (quantized.error().code == ErrorCode::Cancelled)
                return fail(std::move(quantized).error());
            result.state = LayerResult::State::Failed;
            result.failure = quantized.error().message;
            Finding finding = toFinding(quantized.error());
            finding.where = layer.name;
            finding.action = "The layer stays in float. Choose another method or scheme for it.";
            m_findings.add(std::move(finding));
            return {};
        }
        if (!quantized->weight && !quantized->activation)
            return {}; // an embedding of which only the activation was to be quantized
        result.state = LayerResult::State::Quantized;
        result.quantized = std::move(*quantized);
        QS_CHECK_OK(measureWeight(layer, result));
        return measureAlone(result, ctx);
    }

    Status measureWeight(const Layer &layer, LayerResult &result) {
        if (!result.quantized.weight)
            return {};
        result.bits = result.quantized.weight->bitsBreakdown();
        QS_TRY(const Tensor weights, weightMatrix(layer, m_request.model->graph));
        const Tensor dequantized = result.quantized.weight->dequantize();
        result.weightError.emplace();
        result.weightError->add(weights.values<float>(), dequantized.values<float>());
        return {};
    }

    Status measureAlone(LayerResult &result, const RunContext &ctx) {
        if (!m_alone)
            return {};
        QS_TRY(const std::vector<AloneMetrics> alone,
               m_alone->evaluateAlone(std::span(&result.quantized, 1), ctx));
        result.outputError = alone[0].layerOutput;
        result.network = alone[0].network;
        return {};
    }

    Status measureTotal() {
        if (!m_total)
            return {};
        ProgressWindow window(m_ctx, kLayers, 1.0);
        QS_TRY(m_run.total, m_total->evaluate(m_run.quantizedLayers(), window.context()));
        return {};
    }

    const RunRequest &m_request;
    const RunObserver &m_observer;
    FindingList &m_findings;
    RunContext m_ctx;
    Run m_run;
    std::shared_ptr<const Evaluator> m_total, m_alone;
};

} // namespace

Result<std::shared_ptr<const Run>> executeRun(const RunRequest &request, const RunObserver &observer,
                                              FindingList &findings, const RunContext &ctx) {
    return RunExecution(request, observer, findings, ctx).execute();
}

} // namespace qs
