#pragma once

#include "core/base/result.h"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace qs {

/// A layer of a block: its weight and the grid that its codes lie on.
struct SolverLayer {
    const float *weights = nullptr; ///< [rows, cols]
    std::int64_t rows = 0, cols = 0;
    std::int32_t lowest = 0, highest = 0;  ///< codes
    std::vector<float> scales;             ///< by slice
    std::vector<std::int32_t> zeroPoints;  ///< by slice
    std::int64_t slicesPerRow = 1;         ///< 0: one slice for the whole tensor
    std::int64_t sliceLength = 0;          ///< columns of a slice
    const std::int16_t *nearest = nullptr; ///< codes by rounding to nearest
    float activationScale = 0;             ///< 0: the activation enters in float

    std::size_t size() const { return static_cast<std::size_t>(rows * cols); }
    std::size_t slice(std::int64_t row, std::int64_t col) const {
        return static_cast<std::size_t>(slicesPerRow == 0 ? 0 : row * slicesPerRow + col / sliceLength);
    }
};

/// One run of the block; what it means is said in plugin.h, qs_block_pass.
struct SolverPass {
    bool allSamples = false;
    std::uint64_t seed = 0;
    std::vector<const float *> weights;
    std::vector<float> activationScales; ///< empty: activations stay float
    double activationShare = 1, inputShare = 1;
    std::vector<float *> weightGradients;         ///< empty: none
    std::vector<double> activationScaleGradients; ///< sized by the caller when wanted; filled
};

/// What the solver asks its caller: the host behind a plugin, or a test.
struct BlockSolverServices {
    std::function<Result<double>(SolverPass &)> run; ///< the loss
    std::function<std::uint64_t(std::uint64_t index)> randomBits;
    std::function<bool()> cancelled = [] { return false; };
    std::function<void(std::int64_t done, std::int64_t total, const std::string &stage)> progress =
        [](std::int64_t, std::int64_t, const std::string &) {};
    std::function<void(const std::string &)> warn = [](const std::string &) {};
    int maxThreads = 0; ///< 0 = all cores
};

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
    bool keepBest = true;                    ///< nearest rounding where that has the smaller loss
};

struct BlockSolution {
    std::vector<std::vector<std::int16_t>> codes; ///< by layer
    std::vector<float> activationScales;          ///< by layer
    double nearestLoss = 0, learnedLoss = 0;      ///< on all samples
    double binaryShare = 1;                       ///< of rounding variables within 0.02 of 0 or 1 at the end
    bool keptNearest = false;
};

/// Learns for every weight whether to round up or down, so that the block's output stays what it was.
/// \error Cancelled; what services.run reports
/// \thread the result does not depend on the thread count
/// \source Li et al. 2021, arXiv:2102.05426; Wei et al. 2022, arXiv:2203.05740; methods A, A23 to A25
Result<BlockSolution> solveBlock(const std::vector<SolverLayer> &layers, const BlockSolverOptions &options,
                                 const BlockSolverServices &services);

} // namespace qs
