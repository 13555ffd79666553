#include "core/session/bias_tuning.h"

#include "core/analysis/block_loss.h"
#include "core/analysis/output_classes.h"
#include "core/base/random.h"
#include "core/numeric/adam.h"
#include "core/tensor/convert.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <numbers>
#include <numeric>

namespace qs {
namespace {

/// How often all samples are looked at while training.
constexpr int kLooks = 5;

/// A gradient where it may pass: not where a grid from calibration clips. Scales that are made of the values
/// themselves clip nothing.
Tensor straightThrough(const Tensor &raw, const Tensor &gradient, const QuantizedLayer &quantized,
                       bool channelsFirst) {
    if (quantized.activationScale != ActivationScale::Static &&
        quantized.activationScale != ActivationScale::Region)
        return gradient;
    constexpr float kFar = 1e30f;
    const Tensor ends = quantizedActivation(Tensor::fromValues<float>(Shape{2}, std::vector{-kFar, kFar}),
                                            quantized, channelsFirst);
    const float lowest = ends.values<float>()[0], highest = ends.values<float>()[1];
    Tensor passed = Tensor::allocate(DType::Float32, gradient.shape());
    std::ranges::transform(raw.values<float>(), gradient.values<float>(),
                           passed.mutableValues<float>().begin(),
                           [&](float x, float g) { return x >= lowest && x <= highest ? g : 0.0f; });
    return passed;
}

/// Scores have one entry for each class behind the samples, or one for each token behind tokens.
OutputLoss lossFor(const Tensor &output, const std::vector<Tensor> &inputs) {
    const Shape &shape = output.shape();
    const bool readsTokens = std::ranges::any_of(inputs, [](const Tensor &input) {
        return input.dtype() == DType::Int64 || input.dtype() == DType::Int32;
    });
    const bool hasClasses = shape.rank() > 0 && shape[shape.rank() - 1] >= 2; // one number is no distribution
    return hasClasses && (shape.rank() == 2 || (shape.rank() == 3 && readsTokens)) ? OutputLoss::Kl
                                                                                   : OutputLoss::SquaredError;
}

double meanSquare(const Tensor &values) {
    double sum = 0;
    for (const float value : values.values<float>())
        sum += static_cast<double>(value) * value;
    return values.numel() > 0 ? sum / static_cast<double>(values.numel()) : 0;
}

/// Sums over everything but the channels.
std::vector<double> channelSums(const Tensor &gradient, std::int64_t channels, bool channelsFirst) {
    std::vector<double> sums(static_cast<std::size_t>(channels));
    const Shape &shape = gradient.shape();
    const std::int64_t inner = channelsFirst ? shape.numelBetween(2, shape.rank()) : 1;
    std::int64_t i = 0;
    for (const float value : gradient.values<float>())
        sums[static_cast<std::size_t>(i++ / inner % channels)] += value;
    return sums;
}

class BiasTuner {
public:
    BiasTuner(const BiasTuningRequest &request, const RunContext &ctx)
        : m_request(request), m_ctx(ctx), m_model(request.executor->model()), m_layers(request.layers) {}

    Result<TunedBiases> run() {
        QS_CHECK_OK(prepare());
        QS_TRY(m_best.before, lossOfAll());
        m_best.after = m_best.before;
        keepOffsets();
        const int between = std::max(1, m_request.steps / kLooks);
        for (int step = 1; step <= m_request.steps; ++step) {
            m_ctx.step(step, m_request.steps, "tuning biases");
            QS_CHECK_OK(train(step));
            if (step % between == 0 || step == m_request.steps)
                QS_CHECK_OK(look());
        }
        return std::move(m_best);
    }

private:
    struct Batch {
        std::vector<Tensor> inputs;
        Tensor target; ///< output of the float network
    };
    struct Variables {
        QuantizedLayer *layer = nullptr;
        const Layer *place = nullptr;
        double unit = 0; ///< root mean square of the layer's output
        Adam adam;
    };

    Status prepare() {
        for (const QuantizedLayer &quantized : m_layers)
            if (quantized.weight && quantized.weight->branch && quantized.quantizesActivation())
                return fail(ErrorCode::Unsupported,
                            "biases cannot be tuned through a low-rank branch beside a quantized activation",
                            layerOf(quantized).name);
        QS_TRY(m_tape, GradientTape::create(sharedModel()));
        QS_TRY(m_options, tapeOptions());
        QS_CHECK_OK(readBatches());
        for (QuantizedLayer &quantized : m_layers) {
            const Layer &layer = layerOf(quantized);
            if (!m_request.tuned.contains(layer.id) || layer.kind == LayerKind::Embedding)
                continue;
            quantized.outputOffset.resize(static_cast<std::size_t>(layer.outChannels));
            m_variables.push_back({&quantized, &layer, 0, Adam(quantized.outputOffset.size())});
        }
        return {};
    }

    std::shared_ptr<const Model> sharedModel() const { return {m_request.executor, &m_model}; }

    const Layer &layerOf(const QuantizedLayer &quantized) const {
        return m_model.layers[static_cast<std::size_t>(quantized.layer)];
    }

    Status readBatches() {
        const SampleBatches batches =
            planBatches(*m_request.samples, m_model.graph, m_request.maxSamples, m_request.batchSize);
        for (std::int64_t begin = 0; begin < batches.samples; begin += batches.size) {
            Batch batch;
            const std::int64_t end = std::min(batches.samples, begin + batches.size);
            QS_TRY(batch.inputs, readModelInputs(*m_request.samples, m_model.graph, begin, end));
            if (m_batches.empty())
                QS_CHECK_OK(chooseOutput(batch.inputs));
            QS_TRY(batch.target, outputOf(batch.inputs, {}));
            m_batches.push_back(std::move(batch));
        }
        if (m_batches.empty() || m_batches.front().target.empty())
            return fail(ErrorCode::InvalidArgument, "biases cannot be tuned without samples and outputs");
        m_best.loss = lossFor(m_batches.front().target, m_batches.front().inputs);
        for (const Batch &batch : m_batches)
            m_power += meanSquare(batch.target) / static_cast<double>(m_batches.size());
        return {};
    }

    Status chooseOutput(const std::vector<Tensor> &inputs) {
        QS_TRY(const std::vector<Tensor> outputs, m_request.executor->run(inputs, {}, m_ctx));
        for (m_output = 0; m_output < outputs.size(); ++m_output)
            if (outputs[m_output].dtype() == DType::Float32 &&
                !areIndices(m_model.graph, m_model.graph.outputs()[m_output]))
                return {};
        return fail(ErrorCode::Unsupported,
                    "biases cannot be tuned: no output of the model is float32 with a "
                    "gradient; classes that it chose have none");
    }

    Result<Tensor> outputOf(const std::vector<Tensor> &inputs, const PassOptions &options) const {
        QS_TRY(std::vector<Tensor> outputs, m_request.executor->run(inputs, options, m_ctx));
        return std::move(outputs[m_output]);
    }

    LossSeed lossSeed(const Tensor &output, const Tensor &target) const {
        if (m_best.loss == OutputLoss::Kl)
            return outputKlSeed(output, target, m_ctx);
        return squaredErrorSeed(output, target,
                                static_cast<double>(target.numel()) * std::max(m_power, 1e-30));
    }

    /// Mean over samples. The executor's own pass, as every measurement of the run.
    Result<double> lossOfAll() const {
        QS_TRY(const PassOptions options, substitutions(m_model, m_layers));
        double sum = 0, samples = 0;
        for (const Batch &batch : m_batches) {
            QS_TRY(const Tensor output, outputOf(batch.inputs, options));
            const auto count = static_cast<double>(batch.target.shape()[0]);
            sum += count * lossSeed(output, batch.target).loss;
            samples += count;
        }
        return sum / samples;
    }

    Status look() {
        QS_TRY(const double loss, lossOfAll());
        if (loss < m_best.after) {
            m_best.after = loss;
            keepOffsets();
        }
        return {};
    }

    void keepOffsets() {
        for (const Variables &variables : m_variables)
            m_best.offsets[variables.place->id] = variables.layer->outputOffset;
    }

    /// What training does not change.
    Result<TapeOptions> tapeOptions() const {
        QS_TRY(const PassOptions pass, substitutions(m_model, m_layers));
        TapeOptions options{pass.weights, {}, pass.additions};
        for (const QuantizedLayer &quantized : m_layers) {
            const Layer &layer = layerOf(quantized);
            const InputSlot slot{layer.node, layer.inputIndex};
            const bool channelsFirst = layer.kind == LayerKind::Conv;
            if (const auto found = pass.activations.find(slot); found != pass.activations.end())
                options.activations[slot] = {
                    found->second,
                    [&quantized, channelsFirst](const Tensor &raw, const Tensor &gradient) -> Result<Tensor> {
                        return straightThrough(raw, gradient, quantized, channelsFirst);
                    }};
        }
        return options;
    }

    void updateOffsets() {
        for (const Variables &variables : m_variables) {
            NodeAddition &addition = m_options.additions[variables.place->node];
            addition.channelsFirst = variables.place->kind == LayerKind::Conv;
            addition.offset =
                Tensor::fromValues<float>(Shape{variables.place->outChannels}, variables.layer->outputOffset);
        }
    }

    Status train(int step) {
        const Batch &batch = m_batches[nextBatch(step)];
        updateOffsets();
        std::unordered_map<ValueId, Tensor> inputs;
        for (std::size_t i = 0; i < batch.inputs.size(); ++i)
            inputs[m_model.graph.inputs()[i]] = batch.inputs[i];
        QS_TRY(const TapeRecord record, m_tape->forward(std::move(inputs), m_options, m_ctx));
        const ValueId output = m_model.graph.outputs()[m_output];
        GradientTargets targets;
        for (const Variables &variables : m_variables)
            targets.values.push_back(variables.place->output);
        QS_TRY(const GradientResult gradients,
               m_tape->backward(record, {{output, lossSeed(record.values.at(output), batch.target).seed}},
                                targets, m_ctx));
        // Cosine from 1 to 0.
        const double decay =
            0.5 * (1 + std::cos(std::numbers::pi * (step - 1) / static_cast<double>(m_request.steps)));
        for (Variables &variables : m_variables)
            move(variables, record, gradients.values.at(variables.place->output), m_request.rate * decay);
        return {};
    }

    /// Every batch once an epoch, in an order of its own.
    std::size_t nextBatch(int step) {
        const auto place = static_cast<std::size_t>(step - 1) % m_batches.size();
        if (place == 0) {
            m_order.resize(m_batches.size());
            std::iota(m_order.begin(), m_order.end(), std::size_t{0});
            for (std::size_t i = m_order.size(); i > 1; --i)
                std::swap(m_order[i - 1], m_order[m_random.below(i)]);
        }
        return m_order[place];
    }

    void move(Variables &variables, const TapeRecord &record, const Tensor &gradient, double rate) {
        if (variables.unit == 0)
            variables.unit = std::sqrt(meanSquare(record.values.at(variables.place->output)));
        const std::vector<double> sums =
            channelSums(gradient, variables.place->outChannels, variables.place->kind == LayerKind::Conv);
        variables.adam.nextStep();
        for (std::size_t i = 0; i < sums.size(); ++i)
            variables.layer->outputOffset[i] += static_cast<float>(
                rate * variables.unit * variables.adam.change(i, static_cast<float>(sums[i])));
    }

    const BiasTuningRequest &m_request;
    RunContext m_ctx;
    const Model &m_model;
    std::vector<QuantizedLayer> m_layers; ///< with the offsets of now
    std::shared_ptr<const GradientTape> m_tape;
    TapeOptions m_options;
    std::vector<Batch> m_batches;
    std::size_t m_output = 0; ///< whose loss is minimised
    std::vector<std::size_t> m_order;
    Random m_random{m_request.seed};
    std::vector<Variables> m_variables;
    double m_power = 0; ///< mean square of the float output
    TunedBiases m_best;
};

} // namespace

Result<TunedBiases> tuneBiases(const BiasTuningRequest &request, const RunContext &ctx) {
    return BiasTuner(request, ctx).run();
}

} // namespace qs
