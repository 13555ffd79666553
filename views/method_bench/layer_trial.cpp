#include "views/method_bench/layer_trial.h"

#include "core/analysis/quantize_layer.h"

namespace qs::views {
namespace {

const QString kTrialTag = QStringLiteral("layer-trial");

} // namespace

LayerTrial::LayerTrial(JobList &jobs, QObject *parent) : QObject(parent), m_jobs(jobs) {}

Status LayerTrial::prepare(Tools &tools, const TrialRequest &request, FindingList &findings,
                           const RunContext &ctx) {
    const auto set = request.evaluation ? request.evaluation : request.calibration;
    if (tools.executor != request.executor || tools.set != set)
        tools = {request.executor, set, nullptr, nullptr};
    const Layer &layer = request.layer.model->layers[static_cast<std::size_t>(request.layer.layer)];
    if (!tools.capture)
        tools.capture = request.capture;
    if (request.executor && request.calibration) {
        Recipe recipe = uniformRecipe({}, WeightChoice{}, request.layer.choice.activation);
        recipe.rules.front().choice = request.layer.choice;
        CaptureOptions options;
        if (layersThatNeedHessian(*request.layer.model, recipe, *request.layer.methods).count(layer.id) > 0)
            options.hessianLayers = {layer.id};
        if (needsCalibration(recipe, *request.layer.methods)) {
            QS_TRY(tools.capture, captureOrReuse(tools.capture, *request.executor, *request.calibration,
                                                 options, findings, ctx));
        }
    }
    if (request.executor && set && !tools.evaluator) {
        QS_TRY(tools.evaluator, Evaluator::create(request.executor, set, request.samples, ctx));
    }
    return {};
}

void LayerTrial::start(const TrialRequest &request) {
    struct Outcome {
        Tools tools;
        std::shared_ptr<const LayerResult> result;
    };
    auto outcome = std::make_shared<Outcome>();
    outcome->tools = m_tools;
    const std::string &name = request.layer.model->layers[static_cast<std::size_t>(request.layer.layer)].name;
    m_jobs.start(
        kTrialTag, tr("Trying %1").arg(QString::fromStdString(name)),
        [request, outcome](const RunContext &ctx) -> Status {
            FindingList findings; // a trial that fails says so in its own place
            QS_CHECK_OK(prepare(outcome->tools, request, findings, ctx));
            LayerRequest layer = request.layer;
            layer.evaluator = outcome->tools.evaluator;
            if (outcome->tools.capture)
                layer.capture = outcome->tools.capture->layers[static_cast<std::size_t>(layer.layer)];
            QS_TRY(outcome->result, runLayer(layer, findings, ctx));
            return {};
        },
        [self = QPointer(this), outcome](const Status &status) {
            if (!self)
                return;
            if (status) {
                self->m_tools = outcome->tools;
                emit self->finished(outcome->result);
            } else if (status.error().code != ErrorCode::Cancelled) {
                emit self->failed(QString::fromStdString(status.error().text()));
            }
        });
}

void LayerTrial::cancel() {
    m_jobs.cancelTag(kTrialTag);
}

} // namespace qs::views
