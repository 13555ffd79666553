#include "views/method_bench/layer_trial.h"

#include "core/analysis/quantize_layer.h"

namespace qs::views {
namespace {

const QString kTrialTag = QStringLiteral("layer-trial");

} // namespace

LayerTrial::LayerTrial(JobList &jobs, QObject *parent) : QObject(parent), m_jobs(jobs) {}

Status LayerTrial::prepareNetwork(Tools &tools, const TrialRequest &request, FindingList &findings,
                                  const RunContext &ctx) {
    const auto set = request.evaluation ? request.evaluation : request.calibration;
    const auto transformed = request.recipe.transforms.empty() ? std::nullopt : std::optional(request.recipe);
    const std::shared_ptr<const Model> &model = request.layer.model;
    if (tools.model == model && tools.executor == request.executor && tools.set == set &&
        tools.transformed == transformed)
        return {};
    tools = {};
    if (request.prepared) {
        tools.network = {request.prepared->model, request.prepared->executor, request.prepared};
    } else {
        const PrepareRequest prepare{
            model,           request.executor,   request.calibration, 0, request.layer.methods,
            &request.recipe, request.memoryLimit};
        QS_TRY(tools.network, makeRecipeNetwork(prepare, findings, ctx));
    }
    tools.model = model;
    tools.executor = request.executor;
    tools.set = set;
    tools.transformed = transformed;
    return {};
}

Status LayerTrial::prepare(Tools &tools, const TrialRequest &request, FindingList &findings,
                           const RunContext &ctx) {
    QS_CHECK_OK(prepareNetwork(tools, request, findings, ctx));
    const RecipeNetwork &network = tools.network;
    const Layer &layer = request.layer.model->layers[static_cast<std::size_t>(request.layer.layer)];
    if (!tools.capture && !network.prepared) // that of the opened model fits no transformed one
        tools.capture = request.capture;
    if (network.executor && request.calibration) {
        Recipe recipe = uniformRecipe({}, WeightChoice{}, request.layer.choice.activation);
        recipe.rules.front().choice = request.layer.choice;
        CaptureOptions options;
        options.hessians = neededHessians(*network.model, recipe, *request.layer.methods);
        std::erase_if(options.hessians, [&](const HessianWish &wish) { return wish.layer != layer.id; });
        options.memoryLimit = request.memoryLimit;
        if (needsCalibration(recipe, *request.layer.methods)) {
            QS_TRY(const auto source,
                   CaptureSource::open({network.executor, request.calibration, options, tools.capture},
                                       findings, ctx));
            tools.capture = source->capture(); // one layer: never in groups
        }
    }
    if (network.executor && tools.set && !tools.evaluator) {
        QS_TRY(tools.evaluator,
               Evaluator::create(network.executor, tools.set, request.samples, findings, ctx));
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
            layer.model = outcome->tools.network.model;
            layer.activationRange = outcome->tools.network.activationRange(layer.layer);
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
