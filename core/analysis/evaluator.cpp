#include "core/analysis/evaluator.h"

#include "core/analysis/next_tokens.h"
#include "core/analysis/output_classes.h"
#include "core/base/parallel.h"
#include "core/tensor/convert.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <mutex>
#include <thread>

namespace qs {
namespace {

constexpr std::int64_t kBatchSize = 32;

Result<std::vector<Tensor>> asFloat(const std::vector<Tensor> &outputs) {
    std::vector<Tensor> converted;
    for (const Tensor &output : outputs) {
        QS_TRY(Tensor values, toFloat32(output));
        converted.push_back(std::move(values));
    }
    return converted;
}

Status checkSameShapes(const std::vector<Tensor> &expected, const std::vector<Tensor> &outputs,
                       const Model &model) {
    const std::string where = model.file.filename().string();
    if (expected.size() != outputs.size())
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("has {} outputs, the model that it is compared with has {}", outputs.size(),
                                expected.size()),
                    where);
    for (std::size_t i = 0; i < outputs.size(); ++i)
        if (expected[i].shape() != outputs[i].shape())
            return fail(
                ErrorCode::InvalidArgument,
                fmt::format("output {} has shape {}, that of the model that it is compared with has {}", i,
                            outputs[i].shape().text(), expected[i].shape().text()),
                where);
    return {};
}

/// Metrics of such outputs are NaN, which alone does not tell where it comes from.
void tellNaN(const std::vector<Tensor> &outputs, const CalibrationSet &set, std::int64_t begin,
             std::int64_t end, FindingList &findings) {
    std::int64_t count = 0;
    for (const Tensor &output : outputs)
        count += std::ranges::count_if(output.values<float>(), [](float value) { return std::isnan(value); });
    if (count > 0)
        findings.add(Severity::Warning,
                     fmt::format("the float model answers samples {} to {} with {} NaN values: errors of the "
                                 "outputs are NaN too",
                                 begin, end - 1, count),
                     set.file().filename().string(),
                     "Look for NaN or Inf in these samples, or leave them out.");
}

/// For each of some passes that run side by side.
RunContext shareOf(RunContext ctx, std::int64_t passes) {
    const int threads =
        ctx.maxThreads > 0 ? ctx.maxThreads : static_cast<int>(std::thread::hardware_concurrency());
    ctx.maxThreads = std::max(1, static_cast<int>(threads / std::max<std::int64_t>(1, passes)));
    return ctx;
}

} // namespace

struct Evaluator::Impl {
    struct Batch {
        std::vector<Tensor> inputs;
        std::vector<Tensor> outputs; ///< of the float model, float32
        TaskTargets targets;
        ExecutionState frontier; ///< float pass carried up to the latest layer of evaluateAlone
    };
    std::shared_ptr<const Executor> executor;
    std::int64_t samples = 0;
    std::vector<Batch> batches;
    std::size_t taskOutput = 0;            ///< what labels and tokens belong to
    std::vector<char> isIndices;           ///< by output
    std::optional<std::size_t> tokenInput; ///< of a language model
    bool givesProbabilities = false, hasClasses = false, labelsCount = false;
    OutputMetrics baseline;
    std::mutex mutex; ///< guards the frontiers

    std::size_t findTask(const std::vector<Tensor> &outputs) const;
    Status learnTask(const Batch &first, const std::vector<Tensor> &outputs, const RunContext &ctx);
    Status load(const CalibrationSet &set, std::int64_t begin, std::int64_t end, const RunContext &ctx);
    Result<OutputMetrics> compare(const Batch &batch, const std::vector<Tensor> &outputs) const;
    Status advanceFrontier(Batch &batch, NodeId until, const RunContext &ctx);
    Result<Tensor> layerOutput(const Batch &batch, const Layer &layer, const RunContext &ctx) const;
    Status evaluateVariant(const Batch &batch, const Layer &layer, const QuantizedLayer &variant,
                           const Tensor &floatOutput, AloneMetrics &metrics, const RunContext &ctx) const;
};

/// The first floating-point output, else the first that holds no indices, else the first.
std::size_t Evaluator::Impl::findTask(const std::vector<Tensor> &outputs) const {
    for (const bool onlyFloat : {true, false})
        for (std::size_t i = 0; i < outputs.size(); ++i)
            if (!isIndices[i] && (!onlyFloat || isFloatingPoint(outputs[i].dtype())))
                return i;
    return 0;
}

/// What the outputs of the model are, as its graph and its first batch show. \param outputs  in their own
/// types
Status Evaluator::Impl::learnTask(const Batch &first, const std::vector<Tensor> &outputs,
                                  const RunContext &ctx) {
    const ModelGraph &graph = executor->model().graph;
    for (const ValueId output : graph.outputs())
        isIndices.push_back(areIndices(graph, output));
    if (outputs.empty())
        return {};
    taskOutput = findTask(outputs);
    const ValueId id = graph.outputs()[taskOutput];
    const Tensor &output = first.outputs[taskOutput];
    labelsCount = outputs[taskOutput].dtype() != DType::Bool && !areSorted(graph, id);
    if (isIndices[taskOutput] || !isFloatingPoint(outputs[taskOutput].dtype()))
        return {};
    QS_TRY(tokenInput, predictedInput(*executor, first.inputs, output, taskOutput, ctx));
    givesProbabilities = areProbabilities(output);
    hasClasses = mayHaveClasses(graph, id);
    return {};
}

Status Evaluator::Impl::load(const CalibrationSet &set, std::int64_t begin, std::int64_t end,
                             const RunContext &ctx) {
    Batch batch;
    QS_TRY(batch.inputs, readModelInputs(set, executor->model().graph, begin, end));
    QS_TRY(const std::vector<Tensor> outputs, executor->run(batch.inputs, {}, ctx));
    QS_TRY(batch.outputs, asFloat(outputs));
    if (batches.empty())
        QS_CHECK_OK(learnTask(batch, outputs, ctx));
    if (set.hasLabels() && labelsCount) {
        QS_TRY(batch.targets.labels, set.labels(begin, end));
    }
    batch.targets.areProbabilities = givesProbabilities;
    batch.targets.hasClasses = hasClasses;
    if (tokenInput) {
        QS_TRY(batch.targets.tokens, targetTokens(executor->model().graph, batch.inputs, *tokenInput));
    }
    QS_TRY(const OutputMetrics metrics, compare(batch, batch.outputs));
    baseline.merge(metrics);
    QS_TRY(batch.frontier, executor->begin(batch.inputs, {}));
    batches.push_back(std::move(batch));
    return {};
}

Result<OutputMetrics> Evaluator::Impl::compare(const Batch &batch, const std::vector<Tensor> &outputs) const {
    OutputMetrics metrics;
    QS_TRY(const std::vector<Tensor> values, asFloat(outputs));
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (isIndices[i] && i == taskOutput)
            metrics.addIndices(batch.outputs[i], values[i], batch.targets);
        else if (i == taskOutput)
            metrics.add(batch.outputs[i], values[i], batch.targets);
        else if (!isIndices[i]) // is not the task's, but counts in the error
            metrics.error.add(batch.outputs[i].values<float>(), values[i].values<float>());
    }
    return metrics;
}

Result<std::shared_ptr<const Evaluator>> Evaluator::create(std::shared_ptr<const Executor> executor,
                                                           std::shared_ptr<const CalibrationSet> set,
                                                           std::int64_t maxSamples, FindingList &findings,
                                                           const RunContext &ctx) {
    QS_CHECK_OK(checkFits(*set, executor->model().graph));
    auto impl = std::make_unique<Impl>();
    impl->executor = std::move(executor);
    const SampleBatches batches = planBatches(*set, impl->executor->model().graph, maxSamples, kBatchSize);
    impl->samples = batches.samples;
    for (std::int64_t begin = 0; begin < impl->samples; begin += batches.size) {
        ctx.step(begin, impl->samples, "running the float model");
        const std::int64_t end = std::min(impl->samples, begin + batches.size);
        QS_CHECK_OK(impl->load(*set, begin, end, ctx));
        tellNaN(impl->batches.back().outputs, *set, begin, end, findings);
    }
    return std::shared_ptr<const Evaluator>(new Evaluator(std::move(impl)));
}

Evaluator::Evaluator(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Evaluator::~Evaluator() = default;

const Model &Evaluator::model() const {
    return m_impl->executor->model();
}
std::int64_t Evaluator::samples() const {
    return m_impl->samples;
}
const OutputMetrics &Evaluator::baseline() const {
    return m_impl->baseline;
}

Result<OutputMetrics> Evaluator::evaluate(std::span<const QuantizedLayer> layers,
                                          const RunContext &ctx) const {
    QS_TRY(const PassOptions options, substitutions(model(), layers));
    OutputMetrics total;
    const auto batches = static_cast<std::int64_t>(m_impl->batches.size());
    for (std::int64_t i = 0; i < batches; ++i) {
        ctx.step(i, batches, "evaluating");
        const Impl::Batch &batch = m_impl->batches[static_cast<std::size_t>(i)];
        QS_TRY(const std::vector<Tensor> outputs, m_impl->executor->run(batch.inputs, options, ctx));
        QS_TRY(const OutputMetrics metrics, m_impl->compare(batch, outputs));
        total.merge(metrics);
    }
    return total;
}

Result<OutputMetrics> Evaluator::evaluateModel(const Executor &other, const RunContext &ctx) const {
    OutputMetrics total;
    const auto batches = static_cast<std::int64_t>(m_impl->batches.size());
    for (std::int64_t i = 0; i < batches; ++i) {
        ctx.step(i, batches, "evaluating the other model");
        const Impl::Batch &batch = m_impl->batches[static_cast<std::size_t>(i)];
        QS_TRY(const std::vector<Tensor> outputs, other.run(batch.inputs, {}, ctx));
        QS_CHECK_OK(checkSameShapes(batch.outputs, outputs, other.model()));
        QS_TRY(const OutputMetrics metrics, m_impl->compare(batch, outputs));
        total.merge(metrics);
    }
    return total;
}

Status Evaluator::Impl::advanceFrontier(Batch &batch, NodeId until, const RunContext &ctx) {
    if (batch.frontier.nextNode() > until) { // an earlier layer than last time: start over
        QS_TRY(batch.frontier, executor->begin(batch.inputs, {}));
    }
    return executor->advance(batch.frontier, until, {}, ctx);
}

Result<Tensor> Evaluator::Impl::layerOutput(const Batch &batch, const Layer &layer,
                                            const RunContext &ctx) const {
    PassOptions options;
    Tensor output;
    options.taps[layer.output] = [&](const Tensor &value) { output = value; };
    ExecutionState state = batch.frontier;
    QS_CHECK_OK(executor->advance(state, layer.node + 1, options, ctx));
    return toFloat32(output);
}

Status Evaluator::Impl::evaluateVariant(const Batch &batch, const Layer &layer, const QuantizedLayer &variant,
                                        const Tensor &floatOutput, AloneMetrics &metrics,
                                        const RunContext &ctx) const {
    QS_TRY(PassOptions options, substitutions(executor->model(), std::span(&variant, 1)));
    Status status;
    options.taps[layer.output] = [&](const Tensor &value) {
        if (auto output = toFloat32(value); output)
            metrics.layerOutput.add(floatOutput.values<float>(), output->values<float>());
        else
            status = fail(std::move(output).error());
    };
    QS_TRY(const std::vector<Tensor> outputs, executor->finish(batch.frontier, options, ctx));
    QS_CHECK_OK(status);
    QS_TRY(const OutputMetrics network, compare(batch, outputs));
    metrics.network.merge(network);
    return {};
}

Result<std::vector<AloneMetrics>> Evaluator::evaluateAlone(std::span<const QuantizedLayer> variants,
                                                           const RunContext &ctx) const {
    std::vector<AloneMetrics> metrics(variants.size());
    if (variants.empty())
        return metrics;
    const Layer &layer = model().layers[static_cast<std::size_t>(variants[0].layer)];
    std::scoped_lock lock(m_impl->mutex);
    const auto batches = static_cast<std::int64_t>(m_impl->batches.size());
    const auto count = static_cast<std::int64_t>(variants.size());
    std::vector<Tensor> floatOutputs(m_impl->batches.size());
    QS_CHECK_OK(parallelTasks(batches, ctx, [&](std::int64_t i) -> Status {
        const RunContext own = shareOf(ctx, batches);
        Impl::Batch &batch = m_impl->batches[static_cast<std::size_t>(i)];
        QS_CHECK_OK(m_impl->advanceFrontier(batch, layer.node, own));
        QS_TRY(floatOutputs[static_cast<std::size_t>(i)], m_impl->layerOutput(batch, layer, own));
        return {};
    }));
    // Passes side by side never wait for each other, as the threads of one pass do at every node.
    std::vector<AloneMetrics> parts(static_cast<std::size_t>(batches * count));
    QS_CHECK_OK(parallelTasks(batches * count, ctx, [&](std::int64_t task) {
        const auto batch = static_cast<std::size_t>(task / count),
                   variant = static_cast<std::size_t>(task % count);
        return m_impl->evaluateVariant(m_impl->batches[batch], layer, variants[variant], floatOutputs[batch],
                                       parts[static_cast<std::size_t>(task)], shareOf(ctx, batches * count));
    }));
    for (std::size_t task = 0; task < parts.size(); ++task) {
        AloneMetrics &sum = metrics[task % variants.size()];
        sum.layerOutput.merge(parts[task].layerOutput);
        sum.network.merge(parts[task].network);
    }
    return metrics;
}

} // namespace qs
