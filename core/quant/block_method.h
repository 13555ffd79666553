#pragma once

#include "core/quant/quantizer.h"

namespace qs {

/// Static quantization of the activation that enters a layer; the step is the scale, which may be learned.
struct BlockActivation {
    ScaleZero grid;
    CodeRange range;
};

/// A layer of a block as its method sees it.
struct BlockLayer {
    std::string name;
    MatrixView<const float> weights; ///< float32 [rows, cols], finite
    QuantizedMatrix nearest;         ///< rounded to nearest on the grid that the scheme's range rule fits
    std::optional<BlockActivation> activation; ///< absent: enters in float
};

/// One evaluation of a block: with which weights and activations it runs, and where gradients go.
struct BlockPass {
    bool allSamples = false; ///< every cached sample in order; else one mini-batch that `seed` picks
    std::uint64_t seed = 0;  ///< of the mini-batch and of what is dropped from it
    std::vector<const float *> weights;      ///< by layer, float32 [rows, cols]
    std::span<const float> activationScales; ///< by layer, > 0; empty: activations stay float
    /// Chance of an element of a quantized activation to be quantized (QDrop); 1 = always.
    double activationShare = 1;
    /// Chance of an element of the block's input to be that of the quantized network before it, not the float
    /// network's.
    double inputShare = 1;
    std::vector<float *> weightGradients;       ///< by layer, float32 [rows, cols]; empty: none
    std::span<double> activationScaleGradients; ///< by layer; empty: none
};

/// What a method may ask about the block at hand.
class BlockServices {
public:
    virtual ~BlockServices() = default;
    /// Squared error of the block's outputs against the float network's: Σ over channels, mean over samples
    /// and positions. Fills the gradients that the pass names; straight-through for rounded activations.
    /// \error Unsupported  an operator without gradient;  Cancelled
    virtual Result<double> run(const BlockPass &pass, const RunContext &ctx) = 0;
};

/// A block to quantize.
struct BlockRequest {
    std::string name;
    std::vector<BlockLayer> layers;
    nlohmann::json parameters; ///< completed by the method's schema
    BlockServices *services = nullptr;
    std::uint64_t seed = 0;
    FindingList *findings = nullptr; ///< may be null
};

/// What became of the layers: `nearest` of the request with other codes and, where grids were learned, other
/// scales and zero points; and activation steps.
struct BlockResult {
    std::vector<QuantizedMatrix> weights; ///< by layer
    std::vector<float> activationScales;  ///< by layer; those of the request where nothing was learned
};

/// What a method wants to be gathered for it, given its parameters.
struct BlockPlan {
    std::int64_t batchSize = 16;   ///< samples of a mini-batch
    std::int64_t maxSamples = 256; ///< of the calibration set
};

/// A method that quantizes all layers of a block together. Its quantize() is the fallback for a single layer,
/// with the loss of the layer's output in place of the block's.
class BlockMethod : public Quantizer {
public:
    virtual BlockPlan plan(const nlohmann::json &parameters) const = 0;
    /// \error as Quantizer::quantize, and what the services report.  \thread safe
    virtual Result<BlockResult> reconstruct(const BlockRequest &request, const RunContext &ctx) const = 0;
};

} // namespace qs
