#pragma once

#include "core/analysis/block_data.h"
#include "core/analysis/block_loss.h"

namespace qs {

/// The loss of a block: what its outputs, those of its layers and those of the model are compared with, for
/// any samples of a feeder. \source Li et al. 2021, arXiv:2102.05426 (squared error, Fisher); methods A, A24,
/// A27, A28 \thread one user at a time
class BlockTargets {
public:
    /// \param layers  those that run quantized
    BlockTargets(const BlockFeeder &feeder, std::vector<const Layer *> layers);

    bool has(BlockTerm term) const;
    /// The samples of a pass: one chunk where samples cannot be taken apart.
    SampleChoice miniBatch(std::uint64_t seed) const;

    /// Gradients of the loss by values that the record holds.
    struct Seeds {
        double loss = 0;
        std::unordered_map<ValueId, Tensor> values;
    };
    /// \param record  of a tape that holds what the terms need
    /// \param terms   receives the terms with a weight
    Seeds seeds(const TapeRecord &record, const SampleChoice &choice, const BlockPass &pass,
                BlockTerms &terms, const RunContext &ctx) const;

    bool knowsSameInput() const { return !m_sameInput.empty(); }
    /// Runs the float block on the inputs of the quantized network.
    Status learnSameInput(const RunContext &ctx);
    bool knowsFisher() const { return !m_fisher.empty(); }
    /// Weights of FisherError from passes to the end of the network, one for every chunk.
    /// \param run  a recorded pass over feeder.tapeToEnd() on the inputs of the quantized network
    Status learnFisher(const std::function<Result<TapeRecord>(std::size_t chunk)> &run,
                       const RunContext &ctx);

private:
    using Values = std::unordered_map<ValueId, SampledValue>;
    class Sum;
    Tensor at(const SampledValue &value, const SampleChoice &choice) const {
        return value.at(choice, m_feeder.batchSize());
    }
    void addOutput(ValueId output, Sum &sum, const BlockPass &pass) const;
    bool isSeparable() const;

    const BlockFeeder &m_feeder;
    std::vector<const Layer *> m_layers;
    bool m_separable = true;      ///< mini-batches may be put together of any samples
    Values m_sameInput, m_fisher; ///< by output of the block
};

} // namespace qs
