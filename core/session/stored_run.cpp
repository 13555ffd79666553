#include "core/session/stored_run.h"

#include "core/base/progress_window.h"
#include "core/graph/stored_weight.h"
#include "core/session/layer_run.h"
#include "core/tensor/blocks/block_type.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr double kBaseline = 0.15, kLayers = 0.8; ///< shares of the progress bar

LayerChoice choiceOf(const StoredQuantization &stored) {
    const QuantizedMatrix &matrix = *stored.weight;
    LayerChoice choice;
    WeightChoice &weight = choice.weight.emplace();
    weight.method = kStoredMethod;
    weight.scheme.grid.bits = matrix.bits;
    weight.scheme.grid.convention = matrix.convention;
    weight.scheme.granularity = matrix.layout.granularity;
    if (matrix.layout.granularity == Granularity::PerGroup)
        weight.scheme.groupSize = matrix.layout.groupSize;
    weight.scheme.scaleAsFloat16 = matrix.scaleAsFloat16;
    if (stored.activation)
        choice.activation.emplace().grid = stored.activationScheme;
    return choice;
}

/// A pattern that matches this name alone.
std::string escaped(const std::string &name) {
    std::string pattern;
    for (const char c : name) {
        if (std::string_view("\\^$.|?*+()[]{}").find(c) != std::string_view::npos)
            pattern += '\\';
        pattern += c;
    }
    return pattern;
}

constexpr std::size_t kLongPattern = 900; ///< patterns may have 1000 characters

/// A rule for every choice that is made, for the layers that have it; more where names are many.
Recipe recipeOf(const std::string &name, const Model &model,
                const std::vector<std::shared_ptr<const LayerResult>> &layers) {
    Recipe recipe;
    recipe.name = name;
    for (const auto &result : layers) {
        if (!result || result->state != LayerResult::State::Quantized)
            continue;
        const std::string pattern = escaped(model.layers[static_cast<std::size_t>(result->layer)].name);
        const auto same = std::find_if(recipe.rules.begin(), recipe.rules.end(), [&](const RecipeRule &rule) {
            return rule.choice == result->choice && rule.layers.size() + pattern.size() < kLongPattern;
        });
        if (same == recipe.rules.end())
            recipe.rules.push_back({pattern, result->choice});
        else
            same->layers.append("|").append(pattern);
    }
    const bool uniform = std::all_of(layers.begin(), layers.end(), [&](const auto &result) {
        return result && result->state == LayerResult::State::Quantized &&
               result->choice == recipe.rules.front().choice;
    });
    if (uniform)
        recipe.rules = {{".*", recipe.rules.front().choice}};
    return recipe;
}

std::shared_ptr<LayerResult> layerResult(const Layer &layer, const ModelGraph &graph,
                                         const StoredQuantization *stored) {
    auto result = std::make_shared<LayerResult>();
    result->layer = layer.id;
    result->quantized.layer = layer.id;
    result->bits.codes = bitsPerElement(storedWeight(layer, graph).dtype());
    if (!stored)
        return result;
    result->state = LayerResult::State::Quantized;
    result->choice = choiceOf(*stored);
    result->quantized.weight = stored->weight;
    if (stored->activation) {
        result->quantized.activation = stored->activation;
        result->quantized.activationScheme = stored->activationScheme;
    }
    result->bits = stored->weight->bitsBreakdown();
    return result;
}

const StoredQuantization *storedOf(const Model &model, LayerId layer) {
    const auto found = model.stored.find(layer);
    return found == model.stored.end() ? nullptr : found->second.get();
}

void describe(Run &run, const Model &model, const Model &codes) {
    run.name = "stored in " + codes.file.filename().string();
    run.provenance.program = QS_PROGRAM_VERSION;
    run.provenance.modelFile = model.file.filename().string();
    run.provenance.modelSha256 = model.sha256;
    run.provenance.codesFile = codes.file.filename().string();
    run.provenance.codesSha256 = codes.sha256;
    run.layers.resize(model.layers.size());
}

// ---------------------------------------------------------------- of another file

/// Which layer of the quantized model is which layer of the open one.
std::vector<const Layer *> partners(const Model &model, const Model &quantized) {
    std::vector<const Layer *> result(model.layers.size(), nullptr);
    std::vector<bool> taken(quantized.layers.size(), false);
    const auto fits = [](const Layer &a, const Layer &b) {
        return a.kind == b.kind && a.outChannels == b.outChannels && a.inPerOut == b.inPerOut &&
               a.groups == b.groups;
    };
    for (const Layer &layer : model.layers)
        if (const Layer *same = quantized.findLayer(layer.name); same && fits(layer, *same)) {
            result[static_cast<std::size_t>(layer.id)] = same;
            taken[static_cast<std::size_t>(same->id)] = true;
        }
    for (const Layer &layer : model.layers) {
        if (result[static_cast<std::size_t>(layer.id)])
            continue;
        const auto next =
            std::find_if(quantized.layers.begin(), quantized.layers.end(), [&](const Layer &other) {
                return !taken[static_cast<std::size_t>(other.id)] && fits(layer, other);
            });
        if (next == quantized.layers.end())
            continue;
        result[static_cast<std::size_t>(layer.id)] = &*next;
        taken[static_cast<std::size_t>(next->id)] = true;
    }
    return result;
}

/// Whether the quantized model adds something to what the layer makes: a low-rank branch, a corrected bias.
/// Its codes are then not all of the layer.
bool addsToOutput(const Layer &layer, const Model &model, const Model &quantized) {
    const ValueId output = quantized.graph.findValue(model.graph.value(layer.output).name);
    const NodeId producer = output == kNoValue ? kNoNode : quantized.graph.value(output).producer;
    return producer != kNoNode && quantized.graph.node(producer).opType == "Add" &&
           model.graph.node(layer.node).opType != "Add";
}

class StoredRunReader {
public:
    StoredRunReader(const RunRequest &request, const Model &quantized, const RunObserver &observer,
                    FindingList &findings, const RunContext &ctx)
        : m_request(request), m_quantized(quantized), m_observer(observer), m_findings(findings), m_ctx(ctx) {
        m_run.model = request.model;
        describe(m_run, *request.model, quantized);
    }

    Result<std::shared_ptr<const Run>> read() {
        if (m_quantized.stored.empty())
            return fail(
                ErrorCode::InvalidArgument,
                "holds no quantized weight of a kind that is known here; `qscope info` lists its layers",
                m_quantized.file.filename().string());
        QS_CHECK_OK(prepareEvaluators());
        const std::vector<const Layer *> from = partners(*m_request.model, m_quantized);
        for (const Layer &layer : m_request.model->layers) {
            QS_CHECK_OK(readLayer(layer, from[static_cast<std::size_t>(layer.id)]));
            publish();
        }
        if (m_run.quantizedLayers().empty())
            return fail(ErrorCode::InvalidArgument,
                        "has no layer in common with the open model; open the model that it was made from",
                        m_quantized.file.filename().string());
        m_run.recipe = recipeOf(m_run.name, *m_request.model, m_run.layers);
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

    Status prepareEvaluators() {
        const auto set = m_request.evaluation ? m_request.evaluation : m_request.calibration;
        if (!m_request.executor || !set)
            return {};
        m_run.provenance.evaluationFile = set->file().filename().string();
        m_run.provenance.evaluationSha256 = set->sha256();
        ProgressWindow window(m_ctx, 0, kBaseline);
        QS_TRY(m_evaluators,
               makeEvaluators(m_request, m_request.executor, m_run, m_findings, window.context()));
        return {};
    }

    Status readLayer(const Layer &layer, const Layer *from) {
        const auto index = static_cast<double>(layer.id), count = static_cast<double>(m_run.layers.size());
        ProgressWindow window(m_ctx, kBaseline + (kLayers - kBaseline) * index / count,
                              kBaseline + (kLayers - kBaseline) * (index + 1) / count);
        const RunContext ctx = window.context();
        ctx.step(0, 1, "reading " + layer.name);
        const StoredQuantization *stored = from ? storedOf(m_quantized, from->id) : nullptr;
        auto result = layerResult(layer, m_request.model->graph, stored);
        if (!from)
            refuse(*result, layer, "the quantized file has no layer of its name or size");
        else if (stored && addsToOutput(layer, *m_request.model, m_quantized))
            refuse(*result, layer,
                   "the quantized file adds a branch or a correction to its output, which is not read");
        if (result->state == LayerResult::State::Quantized)
            QS_CHECK_OK(measureLayer(*m_request.model, m_evaluators.alone.get(), *result, ctx));
        if (result->weightError && result->weightError->sqnrDb() < 0)
            m_findings.add(Severity::Warning,
                           fmt::format("The codes for it lie further from its weight than zeros would "
                                       "({:.1f} dB): they look like those of another layer or model",
                                       result->weightError->sqnrDb()),
                           layer.name, "Open the model that the quantized file was made from.");
        m_run.layers[static_cast<std::size_t>(layer.id)] = std::move(result);
        return {};
    }

    void refuse(LayerResult &result, const Layer &layer, const std::string &why) {
        result = LayerResult{};
        result.layer = result.quantized.layer = layer.id;
        result.bits.codes = bitsPerElement(storedWeight(layer, m_request.model->graph).dtype());
        result.state = LayerResult::State::Failed;
        result.failure = why;
        m_findings.add(Severity::Warning, "Its codes are not shown: " + why, layer.name,
                       "The layer stays in float here.");
    }

    Status measureTotal() {
        if (!m_evaluators.total)
            return {};
        ProgressWindow window(m_ctx, kLayers, 1);
        QS_TRY(m_run.total, m_evaluators.total->evaluate(m_run.quantizedLayers(), window.context()));
        return {};
    }

    const RunRequest &m_request;
    const Model &m_quantized;
    const RunObserver &m_observer;
    FindingList &m_findings;
    RunContext m_ctx;
    Run m_run;
    RunEvaluators m_evaluators;
};

} // namespace

std::shared_ptr<const Run> storedRun(std::shared_ptr<const Model> model) {
    if (model->stored.empty())
        return nullptr;
    auto run = std::make_shared<Run>();
    describe(*run, *model, *model);
    for (const Layer &layer : model->layers) {
        auto result = layerResult(layer, model->graph, storedOf(*model, layer.id));
        result->hasOriginal = result->state == LayerResult::State::Float;
        run->layers[static_cast<std::size_t>(layer.id)] = std::move(result);
    }
    run->recipe = recipeOf(run->name, *model, run->layers);
    run->model = std::move(model);
    run->complete = true;
    return run;
}

Result<std::shared_ptr<const Run>> readStoredRun(const RunRequest &request, const Model &quantized,
                                                 const RunObserver &observer, FindingList &findings,
                                                 const RunContext &ctx) {
    return StoredRunReader(request, quantized, observer, findings, ctx).read();
}

} // namespace qs
