#include "core/analysis/block_targets.h"

#include "core/base/random.h"

#include <algorithm>
#include <numeric>

namespace qs {
namespace {

double weightOf(const BlockPass &pass, BlockTerm term) {
    return pass.termWeights[static_cast<std::size_t>(term)];
}

} // namespace

/// Terms and their gradients as they come together.
class BlockTargets::Sum {
public:
    Sum(const BlockTargets &targets, const TapeRecord &record, const SampleChoice &choice,
        const BlockPass &pass, BlockTerms &terms, const RunContext &ctx)
        : m_targets(targets), m_record(record), m_choice(choice), m_pass(pass), m_terms(terms), m_ctx(ctx) {
        m_terms.fill(0);
    }

    void add(BlockTerm term, ValueId id, const SampledValue &target, double share = 1,
             const SampledValue *weights = nullptr) {
        if (weightOf(m_pass, term) == 0 || share == 0)
            return;
        const Tensor &value = m_record.values.at(id), wanted = m_targets.at(target, m_choice);
        const LossSeed part = term == BlockTerm::SquaredError ? channelErrorSeed(value, wanted, {})
                              : term == BlockTerm::FisherError
                                  ? channelErrorSeed(value, wanted, m_targets.at(*weights, m_choice))
                              : term == BlockTerm::LayerKl ? symmetricKlSeed(value, wanted, m_ctx)
                                                           : outputKlSeed(value, wanted, m_ctx);
        m_terms[static_cast<std::size_t>(term)] += share * part.loss;
        addScaled(m_seeds.values[id], part.seed, share * weightOf(m_pass, term));
    }

    Seeds take() {
        for (std::size_t term = 0; term < kBlockTerms; ++term)
            m_seeds.loss += m_pass.termWeights[term] * m_terms[term];
        return std::move(m_seeds);
    }

private:
    const BlockTargets &m_targets;
    const TapeRecord &m_record;
    const SampleChoice &m_choice;
    const BlockPass &m_pass;
    BlockTerms &m_terms;
    const RunContext &m_ctx;
    Seeds m_seeds;
};

BlockTargets::BlockTargets(const BlockFeeder &feeder, std::vector<const Layer *> layers)
    : m_feeder(feeder), m_layers(std::move(layers)), m_separable(isSeparable()) {}

bool BlockTargets::isSeparable() const {
    const std::int64_t batch = m_feeder.batchSize();
    const auto separable = [&](const SampledValue &value) {
        return value.isShared() || value.isPerSample(batch);
    };
    const GradientTape &tape = m_feeder.knowsModelOutputs() ? m_feeder.tapeToEnd() : m_feeder.tape();
    return std::ranges::all_of(tape.inputs(),
                               [&](ValueId id) {
                                   return separable(m_feeder.floatInput(id)) &&
                                          separable(m_feeder.quantizedInput(id));
                               }) &&
           std::ranges::all_of(m_feeder.block().outputs,
                               [&](ValueId id) { return m_feeder.target(id).isPerSample(batch); }) &&
           (!m_feeder.knowsLayerOutputs() ||
            std::ranges::all_of(
                m_layers,
                [&](const Layer *layer) { return m_feeder.target(layer->output).isPerSample(batch); })) &&
           std::ranges::all_of(m_feeder.modelOutputs(),
                               [&](const auto &output) { return output.second.isPerSample(batch); });
}

bool BlockTargets::has(BlockTerm term) const {
    const bool ofModel = term == BlockTerm::FisherError || term == BlockTerm::ModelKl;
    return ofModel ? m_feeder.knowsModelOutputs() && !m_feeder.modelOutputs().empty()
                   : term != BlockTerm::LayerKl || m_feeder.knowsLayerOutputs();
}

/// The first samples of a shuffled list.
SampleChoice BlockTargets::miniBatch(std::uint64_t seed) const {
    Random random(seed);
    if (!m_separable || m_feeder.chunks() == 1)
        return {static_cast<std::size_t>(random.below(m_feeder.chunks())), {}};
    SampleChoice choice;
    std::vector<std::int64_t> &samples = choice.samples;
    samples.resize(static_cast<std::size_t>(m_feeder.samples()));
    std::iota(samples.begin(), samples.end(), std::int64_t{0});
    const auto count = static_cast<std::size_t>(m_feeder.batchSize());
    for (std::size_t i = 0; i < count; ++i)
        std::swap(samples[i], samples[i + random.below(samples.size() - i)]);
    samples.resize(count);
    return choice;
}

BlockTargets::Seeds BlockTargets::seeds(const TapeRecord &record, const SampleChoice &choice,
                                        const BlockPass &pass, BlockTerms &terms,
                                        const RunContext &ctx) const {
    Sum sum(*this, record, choice, pass, terms, ctx);
    for (const ValueId output : m_feeder.block().outputs)
        addOutput(output, sum, pass);
    if (weightOf(pass, BlockTerm::LayerKl) != 0)
        for (const Layer *layer : m_layers)
            sum.add(BlockTerm::LayerKl, layer->output, m_feeder.target(layer->output));
    for (const auto &[output, values] : m_feeder.modelOutputs())
        if (weightOf(pass, BlockTerm::ModelKl) != 0)
            sum.add(BlockTerm::ModelKl, output, values);
    return sum.take();
}

void BlockTargets::addOutput(ValueId output, Sum &sum, const BlockPass &pass) const {
    for (const BlockTerm term : {BlockTerm::SquaredError, BlockTerm::OutputKl}) {
        sum.add(term, output, m_feeder.target(output), 1 - pass.sameInputTarget);
        if (pass.sameInputTarget > 0)
            sum.add(term, output, m_sameInput.at(output), pass.sameInputTarget);
    }
    if (weightOf(pass, BlockTerm::FisherError) != 0)
        sum.add(BlockTerm::FisherError, output, m_feeder.target(output), 1, &m_fisher.at(output));
}

Status BlockTargets::learnSameInput(const RunContext &ctx) {
    for (std::size_t chunk = 0; chunk < m_feeder.chunks(); ++chunk) {
        std::unordered_map<ValueId, Tensor> inputs;
        for (const ValueId id : m_feeder.tape().inputs())
            inputs[id] = m_feeder.quantizedInput(id).chunk(chunk);
        QS_TRY(const TapeRecord record, m_feeder.tape().forward(std::move(inputs), {}, ctx));
        for (const ValueId output : m_feeder.block().outputs)
            m_sameInput[output].add(record.values.at(output));
    }
    return {};
}

Status BlockTargets::learnFisher(const std::function<Result<TapeRecord>(std::size_t chunk)> &run,
                                 const RunContext &ctx) {
    std::unordered_map<ValueId, std::vector<Tensor>> squares;
    double sum = 0, count = 0;
    for (std::size_t chunk = 0; chunk < m_feeder.chunks(); ++chunk) {
        QS_TRY(const TapeRecord record, run(chunk));
        std::unordered_map<ValueId, Tensor> seeds;
        for (const auto &[output, target] : m_feeder.modelOutputs())
            seeds[output] = outputKlSeed(record.values.at(output), target.chunk(chunk), ctx).seed;
        QS_TRY(const GradientResult gradients,
               m_feeder.tapeToEnd().backward(record, seeds, {m_feeder.block().outputs, {}}, ctx));
        for (const ValueId output : m_feeder.block().outputs) {
            const Tensor &gradient = gradients.values.at(output);
            Tensor square = Tensor::allocate(DType::Float32, gradient.shape());
            std::ranges::transform(gradient.values<float>(), square.mutableValues<float>().begin(),
                                   [&](float g) {
                                       sum += static_cast<double>(g) * g;
                                       return g * g;
                                   });
            count += static_cast<double>(square.numel());
            squares[output].push_back(std::move(square));
        }
    }
    // Gradients that are all 0 say nothing: every element counts the same.
    for (auto &[output, chunks] : squares)
        for (Tensor &square : chunks) {
            for (float &value : square.mutableValues<float>())
                value = sum > 0 ? static_cast<float>(value * (count / sum)) : 1.0f;
            m_fisher[output].add(square);
        }
    return {};
}

} // namespace qs
