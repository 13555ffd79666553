#include "core/transform/prepare_model.h"

#include "core/base/progress_window.h"
#include "core/quant/layer_pattern.h"
#include "core/tensor/convert.h"
#include "core/transform/residual_rotation.h"
#include "core/transform/site_folding.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr int kMostRounds = 20;
constexpr float kStillChanging = 1e-6f;
constexpr double kLargestChange = 1e-4;
constexpr std::int64_t kSamplesTried = 4;

/// One transform of the recipe.
class TransformPass {
public:
    TransformPass(const PrepareRequest &request, const TransformStep &step, PreparedModel &prepared,
                  FindingList &findings, const RunContext &ctx)
        : m_request(request), m_step(step), m_prepared(prepared), m_findings(findings), m_ctx(ctx),
          m_editor(prepared.model) {}

    Status run() {
        m_method = m_request.methods->findTransform(m_step.method.method);
        if (!m_method)
            return fail(ErrorCode::InvalidArgument,
                        fmt::format("there is no transform '{}'", m_step.method.method));
        QS_TRY(m_parameters, m_method->schema().complete(m_step.method.parameters));
        QS_CHECK_OK(calibrate());
        const TransformKinds kinds = m_method->kinds();
        QS_CHECK_OK(kinds.residual ? rotate(kinds) : changeSites(kinds));
        endCalibration();
        // A run that bears the name of a transform without it would be told apart from a plain one by nobody.
        if (m_changed == 0)
            return fail(ErrorCode::Unsupported,
                        fmt::format("{} fits no activation of this model under the layer pattern '{}'. {}",
                                    name(), m_step.layers, m_refusals));
        if (!m_editor.isChanged()) {
            m_findings.add(Severity::Info, fmt::format("{} found nothing to change", name()));
            return {};
        }
        QS_TRY(m_prepared.model, m_editor.finish());
        m_prepared.edits.push_back(m_editor.edit());
        if (m_prepared.executor) {
            QS_TRY(m_prepared.executor, Executor::create(m_prepared.model));
        }
        report();
        return {};
    }

private:
    bool isPointwise(const Layer &layer) const {
        return layer.kind == LayerKind::Conv && layer.groups == 1 &&
               layer.weightShape.numelBetween(2, layer.weightShape.rank()) == 1;
    }
    const std::string &name() const { return m_method->info().name; }

    Status calibrate() {
        if (!m_method->info().needsCalibration())
            return {};
        if (!m_prepared.executor || !m_request.calibration)
            return fail(ErrorCode::NotFound,
                        fmt::format("{} needs a calibration set; open one that fits the model", name()));
        CaptureOptions options;
        options.maxSamples = m_request.calibrationSamples;
        options.memoryLimit = m_request.memoryLimit;
        if (m_method->info().needsHessian)
            for (const Site &site :
                 m_method->kinds().residual ? findSites(m_editor.model()) : matchingSites()) {
                const Layer &layer = m_editor.model().layers[static_cast<std::size_t>(site.layers.front())];
                if (layer.kind == LayerKind::Linear || isPointwise(layer))
                    options.hessians.insert({layer.id});
            }
        QS_TRY(m_calibration,
               CaptureSource::open({m_prepared.executor, m_request.calibration, options}, m_findings, m_ctx));
        return {};
    }

    void endCalibration() {
        if (!m_calibration)
            return;
        m_calibration->cost().tellGroups(name(), m_findings);
        m_prepared.calibrationCost.add(m_calibration->cost());
        m_calibration = nullptr;
    }

    Status rotate(const TransformKinds &kinds) {
        QS_TRY(const ResidualStream stream, findResidualStream(m_editor.model()));
        TransformSite site;
        site.name = "residual stream";
        site.channels = stream.width;
        QS_TRY(const SiteChange change, m_method->transform(requestFor(site), m_ctx));
        QS_CHECK_OK(rotateResidualStream(stream, change.matrix, m_editor));
        if (kinds.rotates)
            QS_CHECK_OK(rotateWriters(stream));
        m_changed += static_cast<int>(stream.readers.size());
        return {};
    }

    /// What enters the layers that write to the stream is no part of it.
    Status rotateWriters(const ResidualStream &stream) {
        for (const Site &found : findSites(m_editor.model())) {
            const bool writes = std::ranges::all_of(found.layers, [&](LayerId id) {
                return std::ranges::find(stream.writers, id) != stream.writers.end();
            });
            if (writes) {
                QS_TRY([[maybe_unused]] const bool moved, changeSite(found));
            }
        }
        return {};
    }

    Status changeSites(const TransformKinds &kinds) {
        const std::vector<Site> sites = matchingSites();
        for (int round = 0; round < (kinds.repeats ? kMostRounds : 1); ++round) {
            bool changing = false;
            m_changed = m_online = 0;
            for (std::size_t i = 0; i < sites.size(); ++i) {
                m_ctx.step(static_cast<std::int64_t>(i), static_cast<std::int64_t>(sites.size()),
                           "transforming");
                if (m_ctx.cancelled())
                    return RunContext::cancelledError();
                QS_TRY(const bool moved, changeSite(sites[i]));
                changing = changing || moved;
            }
            if (!changing)
                break;
        }
        for (const Site &site : sites)
            if (const auto total = m_totalScale.find(site.value); total != m_totalScale.end())
                moveClip(site, total->second, m_editor);
        return {};
    }

    std::vector<Site> matchingSites() const {
        std::vector<Site> sites = findSites(m_editor.model());
        std::erase_if(sites, [&](const Site &site) {
            return !std::all_of(site.layers.begin(), site.layers.end(), [&](LayerId id) {
                return matchesLayerPattern(m_editor.model().layers[static_cast<std::size_t>(id)].name,
                                           m_step.layers);
            });
        });
        return sites;
    }

    /// \return whether scales are still away from 1
    Result<bool> changeSite(const Site &site) {
        QS_TRY(TransformSite described, describeSite(site, m_editor));
        addRecipe(site, described);
        if (m_calibration)
            QS_CHECK_OK(addStatistics(site, described));
        const TransformRequest request = requestFor(described);
        Support support = m_method->supports(request);
        if (support.yes && m_method->info().needsHessian && described.hessian.empty())
            support = {false, "a convolution with a kernel, whose inputs have no Hessian by channel"};
        if (!support.yes) {
            m_refusals = fmt::format("At {}: {}.", described.name, support.reason);
            return false;
        }
        QS_TRY(const SiteChange change, m_method->transform(request, m_ctx));
        if (auto applied = applyChange(site, change, m_editor); !applied) {
            if (applied.error().code != ErrorCode::Unsupported)
                return fail(std::move(applied).error());
            m_findings.add(Severity::Warning, fmt::format("{}: {}", name(), applied.error().message),
                           described.name, "The activation stays as it is.");
            return false;
        }
        if (site.source.clip != kNoNode && !change.scale.empty()) {
            auto &total = m_totalScale.try_emplace(site.value, change.scale.size(), 1.0).first->second;
            for (std::size_t i = 0; i < total.size(); ++i)
                total[i] *= change.scale[i];
        }
        if (change.activationRange)
            for (const LayerId id : site.layers)
                m_prepared.activationRanges[id] = *change.activationRange;
        ++m_changed;
        m_online += site.source.kind == SiteProducer::None || !change.matrix.empty() ? 1 : 0;
        return std::any_of(change.scale.begin(), change.scale.end(),
                           [](float scale) { return std::abs(scale - 1.0f) > kStillChanging; });
    }

    TransformRequest requestFor(const TransformSite &site) const {
        return {&site, m_parameters, m_request.recipe->seed, &m_findings};
    }

    void addRecipe(const Site &site, TransformSite &described) const {
        for (std::size_t i = 0; i < site.layers.size(); ++i) {
            const Layer &layer = m_editor.model().layers[static_cast<std::size_t>(site.layers[i])];
            const LayerChoice choice = m_request.recipe->choiceFor(layer.name);
            if (choice.weight)
                described.consumers[i].scheme = choice.weight->scheme;
            if (choice.activation)
                described.consumers[i].activation = choice.activation->grid;
        }
    }

    Status addStatistics(const Site &site, TransformSite &described) {
        QS_TRY(const auto capture, m_calibration->layer(site.layers.front(), m_findings, m_ctx));
        if (!capture || capture->tokens == 0 || capture->channels != site.channels)
            return {};
        const auto tokens = static_cast<double>(capture->tokens);
        described.statistics.minimum = capture->channelMin;
        described.statistics.maximum = capture->channelMax;
        for (std::size_t c = 0; c < capture->channelSum.size(); ++c) {
            described.statistics.mean.push_back(static_cast<float>(capture->channelSum[c] / tokens));
            described.statistics.meanMagnitude.push_back(
                static_cast<float>(capture->channelSumOfMagnitudes[c] / tokens));
        }
        described.inputs = capture->sample;
        const Shape &hessian = capture->hessian.shape();
        if (hessian.rank() == 3 && hessian[0] == 1 && hessian[1] == site.channels)
            described.hessian = capture->hessian.reshaped(Shape{site.channels, site.channels});
        return {};
    }

    void report() const {
        m_findings.add(
            Severity::Info,
            m_method->kinds().residual
                ? fmt::format("{}: the residual stream is rotated, {} norms folded, {} activations rotated "
                              "while the model runs",
                              name(), m_changed - m_online, m_online)
                : fmt::format("{} changed {} activations, {} of them by an operator of their own", name(),
                              m_changed, m_online));
    }

    const PrepareRequest &m_request;
    const TransformStep &m_step;
    PreparedModel &m_prepared;
    FindingList &m_findings;
    const RunContext &m_ctx;
    ModelEditor m_editor;
    std::shared_ptr<const TransformMethod> m_method;
    nlohmann::json m_parameters;
    std::shared_ptr<CaptureSource> m_calibration;        ///< null: the method needs none
    std::map<ValueId, std::vector<double>> m_totalScale; ///< of sites behind a ReLU6, over all rounds
    std::string m_refusals;
    int m_changed = 0, m_online = 0;
};

/// Where weights are held in half precision, ten of its steps: folding rounds every weight anew.
double allowedChange(const Model &model) {
    constexpr double kFloat16Step = 1.0 / (1 << 10), kBFloat16Step = 1.0 / (1 << 7), kSteps = 10;
    double allowed = kLargestChange;
    for (const Layer &layer : model.layers) {
        const DType type = model.graph.constant(layer.weight)->dtype();
        if (type == DType::Float16 || type == DType::BFloat16)
            allowed = std::max(allowed, kSteps * (type == DType::Float16 ? kFloat16Step : kBFloat16Step));
    }
    return allowed;
}

Result<double> largestChange(const PrepareRequest &request, const PreparedModel &prepared,
                             const RunContext &ctx) {
    const CalibrationSet &set = *request.calibration;
    const SampleBatches batches = planBatches(set, request.model->graph, kSamplesTried, kSamplesTried);
    QS_TRY(const auto inputs,
           readModelInputs(set, request.model->graph, 0, std::min(batches.size, batches.samples)));
    QS_TRY(const auto before, request.executor->run(inputs, {}, ctx));
    QS_TRY(const auto after, prepared.executor->run(inputs, {}, ctx));
    double change = 0;
    for (std::size_t i = 0; i < before.size(); ++i) {
        QS_TRY(const Tensor a, toFloat32(before[i]));
        QS_TRY(const Tensor b, toFloat32(after[i]));
        double largest = 0, difference = 0;
        for (std::int64_t j = 0; j < a.numel(); ++j) {
            const auto index = static_cast<std::size_t>(j);
            const double value = a.values<float>()[index];
            largest = std::max(largest, std::abs(value));
            difference =
                std::max(difference, std::abs(value - static_cast<double>(b.values<float>()[index])));
        }
        change = std::max(change, largest > 0 ? difference / largest : difference);
    }
    return change;
}

} // namespace

Result<PreparedModel> prepareModel(const PrepareRequest &request, FindingList &findings,
                                   const RunContext &ctx) {
    PreparedModel prepared;
    prepared.model = request.model;
    prepared.executor = request.executor;
    const auto count = static_cast<double>(request.recipe->transforms.size());
    for (std::size_t i = 0; i < request.recipe->transforms.size(); ++i) {
        ProgressWindow window(ctx, static_cast<double>(i) / count, static_cast<double>(i + 1) / count);
        const TransformStep &step = request.recipe->transforms[i];
        if (auto status = TransformPass(request, step, prepared, findings, window.context()).run(); !status)
            return fail(std::move(status).error().withContext("transform " + step.method.method));
    }
    if (!prepared.edits.empty() && request.executor && request.calibration) {
        QS_TRY(prepared.largestChange, largestChange(request, prepared, ctx));
        const double allowed = allowedChange(*request.model);
        if (!(prepared.largestChange <= allowed))
            return fail(
                ErrorCode::Unsupported,
                fmt::format("the transforms change the output of the float model by {:.2g} of its largest "
                            "value; allowed: {:.1g}. Leave {} out",
                            prepared.largestChange, allowed,
                            request.recipe->transforms.size() == 1 ? "it" : "one"));
    }
    return prepared;
}

} // namespace qs
