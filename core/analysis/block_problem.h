#pragma once

#include "core/analysis/block_targets.h"

namespace qs {

/// The block that a feeder stands at as the services of a block method: runs it on cached inputs and pulls
/// its loss back to weights and activation steps.
/// \source Li et al. 2021, arXiv:2102.05426 (block loss); Wei et al. 2022, arXiv:2203.05740 (dropping);
///         Esser et al. 2020, arXiv:1902.08153 (gradient of the step)
/// \thread one user at a time; results do not depend on the thread count
class BlockProblem final : public BlockServices {
public:
    /// \param layers       of the block, in the order of the request; all others stay in float
    /// \param activations  by layer; absent: enters in float
    BlockProblem(const BlockFeeder &feeder, std::vector<const Layer *> layers,
                 std::vector<std::optional<BlockActivation>> activations);

    Result<double> run(const BlockPass &pass, const RunContext &ctx) override;
    bool has(BlockTerm term) const override { return m_targets.has(term); }

private:
    Status learnReferences(const BlockPass &pass, const TapeOptions &weights, const RunContext &ctx);
    Result<double> runBatch(const SampleChoice &choice, const BlockPass &pass, const TapeOptions &weights,
                            BlockTerms &terms, const RunContext &ctx) const;
    std::unordered_map<ValueId, Tensor> inputs(const GradientTape &tape, const SampleChoice &choice,
                                               const BlockPass &pass) const;
    TapeOptions weightOptions(const BlockPass &pass) const;
    void addActivations(const BlockPass &pass, TapeOptions &options, std::vector<double> &gradients,
                        const RunContext &ctx) const;
    GradientTargets gradientTargets(const TapeOptions &options) const;
    void storeGradients(const GradientResult &result, const BlockPass &pass) const;

    const BlockFeeder &m_feeder;
    std::vector<const Layer *> m_layers;
    std::vector<std::optional<BlockActivation>> m_activations;
    BlockTargets m_targets;
};

/// One linear layer by its Hessian alone: loss tr((W' - W) H/2 (W' - W)ᵀ), the mean squared error of the
/// output summed over channels. What block methods fall back to without a network to run.
class HessianProblem final : public BlockServices {
public:
    /// \param services  of the layer; asked once for every convolution group
    HessianProblem(MatrixView<const float> weights, std::int64_t groups, LayerServices &services)
        : m_weights(weights), m_groups(groups), m_services(services) {}

    Result<double> run(const BlockPass &pass, const RunContext &ctx) override;

private:
    Status readHessians();

    MatrixView<const float> m_weights;
    std::int64_t m_groups;
    LayerServices &m_services;
    std::vector<float> m_hessians; ///< [groups, cols, cols]; empty until first needed
};

} // namespace qs
