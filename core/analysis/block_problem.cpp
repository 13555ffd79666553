#include "core/analysis/block_problem.h"

#include "core/analysis/fake_quantizer.h"
#include "core/base/random.h"
#include "core/exec/onednn_gemm.h"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>

namespace qs {
namespace {

// Streams of random numbers that belong to one pass.
constexpr std::uint64_t kInputStream = 0x1000, kActivationStream = 0x2000;

/// Elements of an output that share an error: Σ over channels is divided by these. Channels are axis 1 of
/// images, else the last axis.
double positions(const Shape &shape) {
    if (shape.rank() == 0)
        return 1;
    const std::int64_t channels = shape[shape.rank() >= 4 ? 1 : shape.rank() - 1];
    return static_cast<double>(shape.numel()) / static_cast<double>(std::max<std::int64_t>(1, channels));
}

/// A gradient in the stored layout of a layer's weight as the matrix that methods see.
void copyAsMatrix(const Layer &layer, const Tensor &stored, float *dst) {
    const auto src = stored.values<float>();
    if (!layer.transposed) {
        std::ranges::copy(src, dst);
        return;
    }
    for (std::int64_t row = 0; row < layer.outChannels; ++row)
        for (std::int64_t col = 0; col < layer.inPerOut; ++col)
            dst[row * layer.inPerOut + col] = src[static_cast<std::size_t>(col * layer.outChannels + row)];
}

} // namespace

BlockProblem::BlockProblem(const BlockFeeder &feeder, std::vector<const Layer *> layers,
                           std::vector<std::optional<BlockActivation>> activations)
    : m_feeder(feeder), m_layers(std::move(layers)), m_activations(std::move(activations)) {
    const auto separable = [&](const SampledValue &value) {
        return value.isShared() || value.isPerSample(feeder.batchSize());
    };
    for (const ValueId id : feeder.tape().inputs())
        m_separable = m_separable && separable(feeder.floatInput(id)) && separable(feeder.quantizedInput(id));
    for (const ValueId id : feeder.block().outputs)
        m_separable = m_separable && feeder.target(id).isPerSample(feeder.batchSize());
}

Result<double> BlockProblem::run(const BlockPass &pass, const RunContext &ctx) {
    const TapeOptions weights = weightOptions(pass);
    if (!pass.allSamples)
        return runBatch(miniBatch(pass), pass, weights, ctx);
    double sum = 0;
    const auto chunks = static_cast<std::size_t>(m_feeder.samples() / m_feeder.batchSize());
    for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
        QS_TRY(const double loss, runBatch(wholeChunk(chunk, pass), pass, weights, ctx));
        sum += loss;
    }
    return sum / static_cast<double>(chunks);
}

Result<double> BlockProblem::runBatch(const Batch &batch, const BlockPass &pass, const TapeOptions &weights,
                                      const RunContext &ctx) const {
    TapeOptions options = weights;
    std::vector<double> stepGradients(m_layers.size(), 0.0);
    addActivations(pass, options, stepGradients, ctx);
    const GradientTape &tape = m_feeder.tape();
    QS_TRY(const TapeRecord record, tape.forward(batch.inputs, options, ctx));
    double loss = 0;
    std::unordered_map<ValueId, Tensor> seeds;
    for (const auto &[output, target] : batch.targets) {
        LossSeed part = squaredErrorSeed(record.values.at(output), target, positions(target.shape()));
        loss += part.loss;
        seeds[output] = std::move(part.seed);
    }
    if (pass.weightGradients.empty() && pass.activationScaleGradients.empty())
        return loss;
    GradientTargets targets;
    for (const Layer *layer : m_layers) {
        targets.slots.push_back({layer->node, layer->weightIndex});
        // So that the way back reaches the quantizer of an activation, whatever lies before it.
        if (options.activations.contains({layer->node, layer->inputIndex}))
            targets.values.push_back(layer->input);
    }
    QS_TRY(const GradientResult gradients, tape.backward(record, seeds, targets, ctx));
    storeGradients(gradients, pass);
    std::copy_n(stepGradients.begin(), pass.activationScaleGradients.size(),
                pass.activationScaleGradients.begin());
    return loss;
}

BlockProblem::Batch BlockProblem::wholeChunk(std::size_t chunk, const BlockPass &pass) const {
    Batch batch;
    for (const ValueId id : m_feeder.tape().inputs()) {
        const Tensor &quantized = m_feeder.quantizedInput(id).chunk(chunk);
        const bool mixes = quantized.dtype() == DType::Float32 && pass.inputShare < 1;
        batch.inputs[id] = mixes ? mixElements(quantized, m_feeder.floatInput(id).chunk(chunk),
                                               pass.inputShare, randomBitsAt(pass.seed, kInputStream))
                                 : quantized;
    }
    for (const ValueId id : m_feeder.block().outputs)
        batch.targets[id] = m_feeder.target(id).chunk(chunk);
    return batch;
}

BlockProblem::Batch BlockProblem::miniBatch(const BlockPass &pass) const {
    const std::int64_t size = m_feeder.batchSize(), chunks = m_feeder.samples() / size;
    if (!m_separable || chunks == 1)
        return wholeChunk(
            static_cast<std::size_t>(Random(pass.seed).below(static_cast<std::uint64_t>(chunks))), pass);
    const std::vector<std::int64_t> samples = pickSamples(pass.seed);
    Batch batch;
    std::uint64_t stream = kInputStream;
    for (const ValueId id : m_feeder.tape().inputs()) {
        const SampledValue &quantized = m_feeder.quantizedInput(id);
        if (quantized.isShared()) {
            batch.inputs[id] = quantized.chunk(0);
            continue;
        }
        Tensor values = quantized.gather(samples, size);
        if (pass.inputShare < 1 && values.dtype() == DType::Float32)
            values = mixElements(values, m_feeder.floatInput(id).gather(samples, size), pass.inputShare,
                                 randomBitsAt(pass.seed, ++stream));
        batch.inputs[id] = std::move(values);
    }
    for (const ValueId id : m_feeder.block().outputs)
        batch.targets[id] = m_feeder.target(id).gather(samples, size);
    return batch;
}

/// The first samples of a shuffled list.
std::vector<std::int64_t> BlockProblem::pickSamples(std::uint64_t seed) const {
    std::vector<std::int64_t> samples(static_cast<std::size_t>(m_feeder.samples()));
    std::iota(samples.begin(), samples.end(), std::int64_t{0});
    Random random(seed);
    const auto count = static_cast<std::size_t>(m_feeder.batchSize());
    for (std::size_t i = 0; i < count; ++i)
        std::swap(samples[i], samples[i + random.below(samples.size() - i)]);
    samples.resize(count);
    return samples;
}

TapeOptions BlockProblem::weightOptions(const BlockPass &pass) const {
    TapeOptions options;
    for (std::size_t i = 0; i < m_layers.size(); ++i) {
        const Layer &layer = *m_layers[i];
        const Shape shape{layer.outChannels, layer.inPerOut};
        const Tensor matrix = Tensor::fromValues<float>(
            shape, std::span<const float>(pass.weights[i], static_cast<std::size_t>(layer.parameters())));
        options.weights[{layer.node, layer.weightIndex}] = toStoredLayout(layer, matrix);
    }
    return options;
}

void BlockProblem::addActivations(const BlockPass &pass, TapeOptions &options, std::vector<double> &gradients,
                                  const RunContext &ctx) const {
    if (pass.activationScales.empty())
        return;
    for (std::size_t i = 0; i < m_layers.size(); ++i) {
        if (!m_activations[i])
            continue;
        StepQuantizer quantizer{*m_activations[i], pass.activationShare,
                                randomBitsAt(pass.seed, kActivationStream + i)};
        quantizer.grid.grid.scale = pass.activationScales[i];
        double &stepGradient = gradients[i];
        options.activations[{m_layers[i]->node, m_layers[i]->inputIndex}] = {
            [quantizer, &ctx](const Tensor &raw) -> Result<Tensor> { return quantizer.apply(raw, ctx); },
            [quantizer, &ctx, &stepGradient](const Tensor &raw, const Tensor &gradient) -> Result<Tensor> {
                return quantizer.pullBack(raw, gradient, stepGradient, ctx);
            }};
    }
}

void BlockProblem::storeGradients(const GradientResult &result, const BlockPass &pass) const {
    for (std::size_t i = 0; i < pass.weightGradients.size(); ++i)
        if (pass.weightGradients[i])
            copyAsMatrix(*m_layers[i], result.slots.at({m_layers[i]->node, m_layers[i]->weightIndex}),
                         pass.weightGradients[i]);
}

Result<double> HessianProblem::run(const BlockPass &pass, const RunContext &ctx) {
    const std::int64_t rows = m_weights.rows / m_groups, cols = m_weights.cols, size = rows * cols;
    if (m_hessians.empty())
        QS_CHECK_OK(readHessians());
    std::vector<float> error(static_cast<std::size_t>(size)), product(error.size());
    double loss = 0;
    for (std::int64_t group = 0; group < m_groups; ++group) {
        const float *weights = pass.weights[0] + group * size, *target = m_weights.data + group * size;
        std::transform(weights, weights + size, target, error.begin(), std::minus<>());
        QS_CHECK_OK(gemm({rows, cols, cols}, 1, {error.data(), cols},
                         {m_hessians.data() + group * cols * cols, cols}, 0, product.data(), cols, ctx));
        for (std::size_t i = 0; i < error.size(); ++i)
            loss += static_cast<double>(error[i]) * product[i] / 2;
        if (!pass.weightGradients.empty() && pass.weightGradients[0])
            std::ranges::copy(product, pass.weightGradients[0] + group * size);
    }
    return loss;
}

Status HessianProblem::readHessians() {
    const std::int64_t cols = m_weights.cols;
    for (std::int64_t group = 0; group < m_groups; ++group) {
        QS_TRY(const MatrixView<const double> hessian, m_services.hessian(group));
        m_hessians.insert(m_hessians.end(), hessian.data, hessian.data + cols * cols);
    }
    return {};
}

} // namespace qs
