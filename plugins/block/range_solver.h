#pragma once

#include "plugins/block/block_objective.h"

namespace qs {

struct RangeSolverOptions {
    std::int64_t iterations = 200;
    double learningRate = 0.02; ///< of Adam, for the logits of the factors
    double startLogit = 4;      ///< factors start at σ(4) = 0.982
    ObjectiveOptions objective{};
};

/// Learnable weight clipping: factors σ(γ), σ(β) in (0, 1) that shrink both ends of every slice's range, by
/// gradients of the block's loss, straight through the rounding of codes and zero points. Symmetric grids
/// have one factor a slice. Weights are rounded to nearest; activations keep their steps. \error Cancelled;
/// what services.run reports \thread the result does not depend on the thread count \source OmniQuant, Shao
/// et al. 2023, arXiv:2308.13137, eq. 2 and 3; methods A, A9
Result<BlockSolution> learnRanges(const std::vector<SolverLayer> &layers, const RangeSolverOptions &options,
                                  const BlockSolverServices &services);

} // namespace qs
