#pragma once

#include "plugins/block/solver_block.h"

namespace qs {

struct ObjectiveOptions {
    LossTerms weights{1}; ///< of the terms of the loss
    /// Weights are in units of the squared error: every other term is divided by what it is at first and
    /// multiplied by what that is (mixed granularity loss fusion; methods A, A28).
    bool fused = false;
    double sameInputTarget = 0; ///< see SolverPass
    bool keepBest = true;       ///< what the block starts from where that has the smaller loss
};

/// The loss that the solvers of a block lower, and its comparison with what the block starts from.
class BlockObjective {
public:
    using Values = std::vector<std::vector<float>>; ///< by layer, [rows, cols]

    BlockObjective(const std::vector<SolverLayer> &layers, const ObjectiveOptions &options,
                   const BlockSolverServices &services);

    /// Measures what the block starts from; to be called first.
    Status start();
    double startLoss() const { return m_startLoss; }
    /// Divided by the number of weights: losses of blocks differ by orders of magnitude.
    double startLossPerWeight() const;
    /// Runs one pass. \error Cancelled;  what the services report
    Result<double> run(SolverPass &pass) const;
    /// Compares on all samples, and takes the start where it is not worse and options want that.
    Status judge(BlockSolution &solution) const;

    bool quantizesActivations() const { return m_quantizesActivations; }
    const std::vector<float> &startSteps() const { return m_startSteps; } ///< 0 where the activation is float
    static std::vector<const float *> pointers(const Values &values);

private:
    Result<double> onAllSamples(const std::vector<SolvedLayer> &weights, const std::vector<float> &steps,
                                LossTerms *terms) const;
    void fuse(const LossTerms &terms);

    const std::vector<SolverLayer> &m_layers;
    ObjectiveOptions m_options;
    const BlockSolverServices &m_services;
    std::vector<float> m_startSteps;
    bool m_quantizesActivations = false;
    double m_startLoss = 0;
};

} // namespace qs
