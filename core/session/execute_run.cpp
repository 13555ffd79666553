#include "core/analysis/quantize_layer.h"
#include "core/base/progress_window.h"
#include "core/exec/capture_source.h"
#include "core/io/calibration_origin.h"
#include "core/session/bias_tuning.h"
#include "core/session/block_run.h"
#include "core/session/layer_run.h"
#include "core/session/norm_correction.h"
#include "core/session/recipe_network.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

/// Shares of the progress bar; measured on the sample models, where in-network errors dominate.
constexpr double kPrepared = 0.07, kCalibrated = 0.15, kBaseline = 0.25, kLayers = 0.85, kTuned = 0.95;
/// Time for a layer in the reconstruction of its block, in units of that for quantizing and measuring one.
constexpr double kBlockWork = 20;

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
        QS_CHECK_OK(prepare());
        QS_CHECK_OK(calibrate());
        publish();
        QS_CHECK_OK(prepareEvaluators());
        m_blocks = std::make_unique<BlockRuns>(m_request, m_network.model, m_network.executor);
        m_norms =
            std::make_unique<NormCorrections>(m_request, m_network.model, m_network.executor, m_findings);
        for (const Layer &layer : m_request.model->layers) {
            QS_CHECK_OK(runOne(layer));
            publish();
        }
        endCalibration();
        QS_CHECK_OK(tune());
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
            provenance.calibrationFile = sourceName(*m_request.calibration);
            provenance.calibrationSha256 = m_request.calibration->sha256();
        }
        if (const auto set = evaluationSet()) {
            provenance.evaluationFile = set->file().filename().string();
            provenance.evaluationSha256 = set->sha256();
        }
        for (const Layer &layer : m_request.model->layers) {
            const LayerChoice choice = m_request.recipe.choiceFor(layer.name);
            if (choice.weight)
                addVersion(choice.weight->method);
            if (choice.weight && choice.weight->branch)
                addVersion(choice.weight->branch->method);
        }
        for (const TransformStep &step : m_request.recipe.transforms)
            addVersion(step.method.method);
    }

    void addVersion(const std::string &method) {
        if (const MethodInfo *info = m_request.methods->info(method))
            m_run.provenance.methodVersions[info->id] = info->version;
    }

    std::shared_ptr<const CalibrationSet> evaluationSet() const {
        return m_request.evaluation ? m_request.evaluation : m_request.calibration;
    }

    /// From here on everything is about the transformed model.
    Status prepare() {
        ProgressWindow window(m_ctx, 0.0, kPrepared);
        const PrepareRequest request{
            m_request.model,   m_request.executor, m_request.calibration, m_request.calibrationSamples,
            m_request.methods, &m_request.recipe,  m_request.memoryLimit};
        QS_TRY(m_network, makeRecipeNetwork(request, m_findings, window.context()));
        m_run.prepared = m_network.prepared;
        if (m_run.prepared)
            m_run.calibrationCost = m_run.prepared->calibrationCost;
        return {};
    }

    Status calibrate() {
        if (!m_network.executor || !m_request.calibration)
            return {};
        CaptureOptions options;
        options.maxSamples = m_request.calibrationSamples;
        options.hessians = neededHessians(*m_network.model, m_request.recipe, *m_request.methods);
        options.memoryLimit = m_request.memoryLimit;
        ProgressWindow window(m_ctx, m_run.prepared ? kPrepared : 0.0, kCalibrated);
        // A capture of the model as it was opened does not fit the transformed one.
        QS_TRY(m_calibration, CaptureSource::open({m_network.executor, m_request.calibration, options,
                                                   m_run.prepared ? nullptr : m_request.capture},
                                                  m_findings, window.context()));
        m_run.capture = m_calibration->capture();
        m_run.provenance.calibrationSamples = m_run.capture->samples;
        return {};
    }

    /// Nothing behind the layers needs a Hessian.
    void endCalibration() {
        if (!m_calibration)
            return;
        m_calibration->cost().tellGroups(m_request.model->file.filename().string(), m_findings);
        m_run.calibrationCost.add(m_calibration->cost());
        m_calibration = nullptr;
    }

    Status prepareEvaluators() {
        ProgressWindow window(m_ctx, kCalibrated, kBaseline);
        QS_TRY(const RunEvaluators made,
               makeEvaluators(m_request, m_network.executor, m_run, m_findings, window.context()));
        m_total = made.total;
        m_alone = made.alone;
        return {};
    }

    Status runOne(const Layer &layer) {
        const auto index = static_cast<std::size_t>(layer.id);
        ProgressWindow blockWindow =
            nextWindow(kBlockWork * static_cast<double>(m_blocks->layersAhead(layer)));
        ProgressWindow window = nextWindow(1);
        LayerRequest request{m_network.model, layer.id,          m_request.recipe.choiceFor(layer.name),
                             nullptr,         m_request.methods, m_request.recipe.seed,
                             m_alone};
        if (m_calibration) {
            QS_TRY(request.capture, m_calibration->layer(layer.id, m_findings, blockWindow.context()));
        }
        request.activationRange = m_network.activationRange(layer.id);
        QS_TRY(request.ready, m_blocks->take(layer, m_run, m_findings, blockWindow.context()));
        const RunContext ctx = window.context();
        ctx.step(0, 1, fmt::format("quantizing {}", layer.name));
        QS_TRY(const auto result, runLayer(request, m_findings, ctx));
        QS_TRY(m_run.layers[index], m_norms->corrected(layer, result, m_run, m_findings, ctx));
        return {};
    }

    /// The next part of the bar that all layers share, for some work in units of a layer.
    ProgressWindow nextWindow(double work) {
        const double all = static_cast<double>(m_network.model->layers.size()) +
                           kBlockWork * static_cast<double>(m_blocks->allLayers());
        const double share = (kLayers - kBaseline) / all, begin = kBaseline + share * m_workDone;
        m_workDone += work;
        return {m_ctx, begin, begin + share * work};
    }

    std::set<LayerId> layersToTune() const {
        std::set<LayerId> tuned;
        for (const auto &result : m_run.layers)
            if (result && result->quantized.weight && result->choice.weight->corrects(Correction::Tuning))
                tuned.insert(result->layer);
        return tuned;
    }

    /// What was measured of each layer before stays: it is about codes and scales.
    Status tune() {
        const std::set<LayerId> tuned = layersToTune();
        if (tuned.empty())
            return {};
        if (!m_network.executor || !m_request.calibration) {
            m_findings.add(Severity::Warning, "bias tuning needs a calibration set and was left out", {},
                           "Open a calibration set that fits the model.");
            return {};
        }
        ProgressWindow window(m_ctx, kLayers, kTuned);
        BiasTuningRequest request{m_network.executor, m_request.calibration.get(),
                                  m_request.calibrationSamples, m_run.quantizedLayers(), tuned};
        request.seed = m_request.recipe.seed;
        auto biases = tuneBiases(request, window.context());
        if (!biases && biases.error().code == ErrorCode::Cancelled)
            return fail(std::move(biases).error());
        if (!biases) {
            Finding finding = toFinding(biases.error());
            finding.severity = Severity::Warning;
            finding.action = "Biases stay as they were: leave bias tuning out for this recipe.";
            m_findings.add(std::move(finding));
            return {};
        }
        for (auto &[id, offset] : biases->offsets) {
            auto changed = std::make_shared<LayerResult>(*m_run.layers[static_cast<std::size_t>(id)]);
            changed->quantized.outputOffset = std::move(offset);
            m_run.layers[static_cast<std::size_t>(id)] = std::move(changed);
        }
        m_findings.add(Severity::Info, tuningText(*biases));
        publish();
        return {};
    }

    static std::string tuningText(const TunedBiases &biases) {
        const char *loss = biases.loss == OutputLoss::Kl ? "KL divergence" : "relative squared error";
        if (biases.after >= biases.before)
            return fmt::format("bias tuning found nothing better: {} of the network's output on the "
                               "calibration set stays {:.4g}, biases stay as they were",
                               loss, biases.before);
        return fmt::format("bias tuning of {} layers: {} of the network's output on the calibration set went "
                           "from {:.4g} to {:.4g}; errors of single layers were measured before it",
                           biases.offsets.size(), loss, biases.before, biases.after);
    }

    Status measureTotal() {
        if (!m_total)
            return {};
        ProgressWindow window(m_ctx, layersToTune().empty() ? kLayers : kTuned, 1.0);
        QS_TRY(m_run.total, m_total->evaluate(m_run.quantizedLayers(), window.context()));
        return {};
    }

    const RunRequest &m_request;
    const RunObserver &m_observer;
    FindingList &m_findings;
    RunContext m_ctx;
    Run m_run;
    RecipeNetwork m_network; ///< transformed, if the recipe transforms
    std::shared_ptr<const Evaluator> m_total, m_alone;
    std::unique_ptr<BlockRuns> m_blocks;
    std::unique_ptr<NormCorrections> m_norms;
    std::shared_ptr<CaptureSource> m_calibration; ///< null without calibration
    double m_workDone = 0;                        ///< units of nextWindow
};

} // namespace

Result<std::shared_ptr<const Run>> executeRun(const RunRequest &request, const RunObserver &observer,
                                              FindingList &findings, const RunContext &ctx) {
    return RunExecution(request, observer, findings, ctx).execute();
}

} // namespace qs
