#pragma once

#include "core/base/result.h"
#include "core/numeric/integer_grid.h"

#include <quantoscope/plugin.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

namespace qs {

/// A layer of a block: its weight and the grid that its codes lie on.
struct SolverLayer {
    const float *weights = nullptr; ///< [rows, cols]
    std::int64_t rows = 0, cols = 0;
    std::int32_t lowest = 0, highest = 0; ///< codes
    GridConvention convention = GridConvention::Asymmetric;
    bool scaleAsFloat16 = false;
    std::vector<float> scales;            ///< by slice
    std::vector<std::int32_t> zeroPoints; ///< by slice
    std::int64_t slicesPerRow = 1;        ///< 0: one slice for the whole tensor
    std::int64_t sliceLength = 0;         ///< columns of a slice
    std::vector<std::int16_t> nearest;    ///< codes to start from and to be better than
    float activationScale = 0;            ///< 0: the activation enters in float

    std::size_t size() const { return static_cast<std::size_t>(rows * cols); }
    std::size_t slice(std::int64_t row, std::int64_t col) const {
        return static_cast<std::size_t>(slicesPerRow == 0 ? 0 : row * slicesPerRow + col / sliceLength);
    }
    std::size_t sliceOf(std::size_t element) const {
        return slice(static_cast<std::int64_t>(element) / cols, static_cast<std::int64_t>(element) % cols);
    }
};

using LossTerms = std::array<double, QS_BLOCK_TERMS>; ///< by QS_TERM_...

/// One run of the block; what it means is said in plugin.h, qs_block_pass.
struct SolverPass {
    bool allSamples = false;
    std::uint64_t seed = 0;
    std::vector<const float *> weights;
    std::vector<float> activationScales; ///< empty: activations stay float
    double activationShare = 1, inputShare = 1;
    std::vector<float *> weightGradients;         ///< empty: none
    std::vector<double> activationScaleGradients; ///< sized by the caller when wanted; filled
    LossTerms termWeights{1}, terms{};            ///< terms: filled
    double sameInputTarget = 0;
};

/// What solvers ask their caller: the host behind a plugin, or a test.
struct BlockSolverServices {
    std::function<Result<double>(SolverPass &)> run; ///< the loss
    std::uint32_t terms = 1;                         ///< bit i: the loss can have term i
    std::function<std::uint64_t(std::uint64_t index)> randomBits;
    std::function<bool()> cancelled = [] { return false; };
    std::function<void(std::int64_t done, std::int64_t total, const std::string &stage)> progress =
        [](std::int64_t, std::int64_t, const std::string &) {};
    std::function<void(const std::string &)> warn = [](const std::string &) {};
    int maxThreads = 0; ///< 0 = all cores
};

/// Codes and grid that a solver found for a layer.
struct SolvedLayer {
    std::vector<std::int16_t> codes;      ///< [rows, cols]
    std::vector<float> scales;            ///< by slice
    std::vector<std::int32_t> zeroPoints; ///< by slice

    /// Where the layer starts.
    static SolvedLayer nearest(const SolverLayer &layer);
    /// Values of the codes, [rows, cols].
    std::vector<float> dequantize(const SolverLayer &layer) const;
};

struct BlockSolution {
    std::vector<SolvedLayer> layers;
    std::vector<float> activationScales;     ///< by layer
    double nearestLoss = 0, learnedLoss = 0; ///< on all samples
    double binaryShare = 1;                  ///< of rounding variables within 0.02 of 0 or 1 at the end
    bool keptNearest = false;
};

} // namespace qs
