#pragma once

#include "plugins/block/block_objective.h"

namespace qs {

struct BlockSolverOptions {
    std::int64_t iterations = 300;
    double learningRate = 0.1; ///< of Adam, for the rounding variables
    double warmUp = 0.2;       ///< share of the iterations without regulariser
    /// Cost of a weight that is not decided, in units of the loss of nearest rounding per weight.
    double regularization = 100;
    double betaStart = 20, betaEnd = 2;
    /// Learn the activation steps together with the rounding, elements quantized with this chance (QDrop);
    /// else in a second phase, always quantized (BRECQ).
    bool joint = false;
    double quantizedShare = 0.5;             ///< joint only: of activations inside the block and at its input
    std::int64_t activationIterations = 100; ///< second phase only
    double activationLearningRate = 2e-3;    ///< relative to the step size
    ObjectiveOptions objective{};
    std::int64_t rank = 0; ///< of the rounding variables' change (LoRA-rounding); 0 = a variable each
    /// rank > 0 only: what variables are multiplied with at the end, 1 at first. Takes the place of the
    /// regulariser, which a few numbers cannot follow.
    double sharpness = 30;
    double scaleLearningRate = 0; ///< of the scales of the weights, relative to them; 0 = they stay
};

/// Learns for every weight whether to round up or down, so that the block's output stays what it was.
/// \error Cancelled; what services.run reports
/// \thread the result does not depend on the thread count
/// \source Li et al. 2021, arXiv:2102.05426; Wei et al. 2022, arXiv:2203.05740; methods A, A23 to A28
Result<BlockSolution> solveBlock(const std::vector<SolverLayer> &layers, const BlockSolverOptions &options,
                                 const BlockSolverServices &services);

} // namespace qs
