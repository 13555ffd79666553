#pragma once

#include "core/exec/executor.h"
#include "core/exec/weighted_hessians.h"
#include "core/quant/range_rule.h"
#include "core/tensor/histogram.h"
#include "core/tensor/matrix_view.h"
#include "core/tensor/tensor_stats.h"

namespace qs {

class CalibrationSet;

/// What calibration learned about the activation that enters one layer, viewed as [tokens, channels]: the
/// last axis of a linear layer's input, axis 1 of a convolution's (every pixel is a token).
struct LayerCapture {
    LayerId layer = kNoLayer;
    std::string origin;      ///< what a user reads of values from a file; empty: the model was run here
    std::int64_t tokens = 0; ///< seen in all
    std::int64_t channels = 0;
    TensorStats stats;
    Histogram histogram; ///< 2048 bins at least over [min, max], range grown while streaming
    std::vector<float> channelMin, channelMax;                                   ///< [channels]
    std::vector<double> channelSum, channelSumOfMagnitudes, channelSumOfSquares; ///< [channels], all tokens
    Tensor sample; ///< float32 [≤ sampleTokens, channels]: the first tokens, raw
    /// H = 2/n Σ x xᵀ, float64 [groups, cols, cols] (convolutions: of im2col rows); empty when not asked for.
    Tensor hessian;
    std::vector<WeightedHessian> weightedHessians; ///< those asked for

    /// nullptr when it was not asked for.
    const WeightedHessian *find(const TokenWeighting &weighting) const;
    /// Whether this Hessian was asked for.
    bool has(const TokenWeighting &weighting) const;
};

/// The result of one calibration pass. Immutable.
struct Capture {
    std::string calibrationSha256;
    std::int64_t samples = 0;
    std::vector<std::shared_ptr<const LayerCapture>> layers; ///< by LayerId; null when the layer has none
    std::string origin;                                      ///< as LayerCapture::origin, of the whole
    std::int64_t peakBytes = 0; ///< most that the pass held at once: \see CaptureOptions::memoryLimit
};

struct CaptureOptions {
    std::int64_t maxSamples = 0; ///< 0 = the whole set
    std::int64_t batchSize = 16;
    std::int64_t sampleTokens = 512; ///< raw tokens kept per layer for maps
    std::set<HessianWish> hessians;  ///< that methods need
    /// Bytes that statistics, Hessians and the activations of the batch under way may take together, weights
    /// excluded; 0 = no limit.
    std::int64_t memoryLimit = 0;
};

/// Runs the calibration set once through the float model and folds statistics in at the input of every layer
/// that reads an activation (embeddings have none).
/// NaN or Inf in an activation is a finding with layer and index.
/// \error Cancelled; whatever executor or set report
Result<std::shared_ptr<const Capture>> captureActivations(const Executor &executor, const CalibrationSet &set,
                                                          const CaptureOptions &options,
                                                          FindingList &findings, const RunContext &ctx);

/// Largest |x| of every channel that entered the layer.
std::vector<float> channelMagnitudes(const LayerCapture &capture);

/// Range of an activation from its capture under a range rule (histogram-based but for min-max, which is
/// exact). \source methods A, A1 steps 4-6
ScaleZero activationGrid(const LayerCapture &capture, const GridScheme &scheme);

} // namespace qs
