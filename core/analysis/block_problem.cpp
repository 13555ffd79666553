#include "core/analysis/block_problem.h"

#include "core/analysis/fake_quantizer.h"
#include "core/base/random.h"
#include "core/exec/onednn_gemm.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

// Streams of random numbers that belong to one pass.
constexpr std::uint64_t kInputStream = 0x1000, kActivationStream = 0x2000;

double weightOf(const BlockPass &pass, BlockTerm term) {
    return pass.termWeights[static_cast<std::size_t>(term)];
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
    : m_feeder(feeder), m_layers(std::move(layers)), m_activations(std::move(activations)),
      m_targets(feeder, m_layers) {}

Result<double> BlockProblem::run(const BlockPass &pass, const RunContext &ctx) {
    for (std::size_t term = 0; term < kBlockTerms; ++term)
        if (pass.termWeights[term] != 0 && !has(static_cast<BlockTerm>(term)))
            return fail(
                ErrorCode::Unsupported,
                fmt::format("term {} of the loss was not planned for, or the model cannot have it", term));
    const TapeOptions weights = weightOptions(pass);
    QS_CHECK_OK(learnReferences(pass, weights, ctx));
    BlockTerms unused, &terms = pass.terms ? *pass.terms : unused;
    if (!pass.allSamples)
        return runBatch(m_targets.miniBatch(pass.seed), pass, weights, terms, ctx);
    const auto chunks = static_cast<double>(m_feeder.chunks());
    BlockTerms sums{};
    double sum = 0;
    for (std::size_t chunk = 0; chunk < m_feeder.chunks(); ++chunk) {
        QS_TRY(const double loss, runBatch({chunk, {}}, pass, weights, terms, ctx));
        sum += loss;
        for (std::size_t term = 0; term < kBlockTerms; ++term)
            sums[term] += terms[term] / chunks;
    }
    terms = sums;
    return sum / chunks;
}

/// What terms of the loss refer to and no pass changes.
Status BlockProblem::learnReferences(const BlockPass &pass, const TapeOptions &weights,
                                     const RunContext &ctx) {
    if (pass.sameInputTarget > 0 && !m_targets.knowsSameInput())
        QS_CHECK_OK(m_targets.learnSameInput(ctx));
    if (weightOf(pass, BlockTerm::FisherError) == 0 || m_targets.knowsFisher())
        return {};
    BlockPass quantized = pass;
    quantized.activationShare = quantized.inputShare = 1;
    TapeOptions options = weights;
    std::vector<double> stepGradients(m_layers.size(), 0.0);
    addActivations(quantized, options, stepGradients, ctx);
    const GradientTape &tape = m_feeder.tapeToEnd();
    return m_targets.learnFisher(
        [&](std::size_t chunk) -> Result<TapeRecord> {
            return tape.forward(inputs(tape, {chunk, {}}, quantized), options, ctx);
        },
        ctx);
}

Result<double> BlockProblem::runBatch(const SampleChoice &choice, const BlockPass &pass,
                                      const TapeOptions &weights, BlockTerms &terms,
                                      const RunContext &ctx) const {
    TapeOptions options = weights;
    std::vector<double> stepGradients(m_layers.size(), 0.0);
    addActivations(pass, options, stepGradients, ctx);
    const bool toEnd = weightOf(pass, BlockTerm::ModelKl) != 0;
    const GradientTape &tape = toEnd ? m_feeder.tapeToEnd() : m_feeder.tape();
    QS_TRY(const TapeRecord record, tape.forward(inputs(tape, choice, pass), options, ctx));
    const BlockTargets::Seeds seeds = m_targets.seeds(record, choice, pass, terms, ctx);
    if (pass.weightGradients.empty() && pass.activationScaleGradients.empty())
        return seeds.loss;
    QS_TRY(const GradientResult gradients,
           tape.backward(record, seeds.values, gradientTargets(options), ctx));
    storeGradients(gradients, pass);
    std::copy_n(stepGradients.begin(), pass.activationScaleGradients.size(),
                pass.activationScaleGradients.begin());
    return seeds.loss;
}

GradientTargets BlockProblem::gradientTargets(const TapeOptions &options) const {
    GradientTargets targets;
    for (const Layer *layer : m_layers) {
        targets.slots.push_back({layer->node, layer->weightIndex});
        // So that the way back reaches the quantizer of an activation, whatever lies before it.
        if (options.activations.contains({layer->node, layer->inputIndex}))
            targets.values.push_back(layer->input);
    }
    return targets;
}

std::unordered_map<ValueId, Tensor> BlockProblem::inputs(const GradientTape &tape, const SampleChoice &choice,
                                                         const BlockPass &pass) const {
    std::unordered_map<ValueId, Tensor> inputs;
    const std::int64_t size = m_feeder.batchSize();
    std::uint64_t stream = kInputStream;
    for (const ValueId id : tape.inputs()) {
        Tensor values = m_feeder.quantizedInput(id).at(choice, size);
        if (pass.inputShare < 1 && values.dtype() == DType::Float32 &&
            !m_feeder.quantizedInput(id).isShared())
            values = mixElements(values, m_feeder.floatInput(id).at(choice, size), pass.inputShare,
                                 randomBitsAt(pass.seed, ++stream));
        inputs[id] = std::move(values);
    }
    return inputs;
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
    for (std::size_t term = 1; term < kBlockTerms; ++term)
        if (pass.termWeights[term] != 0)
            return fail(ErrorCode::Unsupported, "a layer outside of its network has the squared error alone");
    const double weight = weightOf(pass, BlockTerm::SquaredError);
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
            std::ranges::transform(product, pass.weightGradients[0] + group * size,
                                   [&](float slope) { return static_cast<float>(weight * slope); });
    }
    if (pass.terms)
        *pass.terms = {loss};
    return weight * loss;
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
