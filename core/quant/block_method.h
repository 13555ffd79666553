#pragma once

#include "core/quant/quantizer.h"

#include <array>

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
    /// Rounded to nearest on the grid that the scheme's range rule fits; where an earlier window (BlockPlan)
    /// held the layer, what that made of it.
    QuantizedMatrix nearest;
    std::optional<BlockActivation> activation; ///< absent: enters in float
};

/// What the loss of a block can be made of. All are means over samples and positions.
enum class BlockTerm {
    SquaredError, ///< of the block's outputs, Σ over channels
    /// The same with each element weighted by the squared gradient, there, of the KL divergence of the
    /// model's outputs; the weights have mean 1. Taken at the first pass that asks for it: run nearest
    /// rounding first.
    FisherError,
    OutputKl, ///< KL(softmax of target ‖ softmax of output) over the channels of the block's outputs
    ModelKl,  ///< the same of the model's outputs, everything behind the block in float
    LayerKl,  ///< KL both ways between the outputs of the block's layers and their float outputs, Σ over
              ///< layers
};
inline constexpr std::size_t kBlockTerms = 5;
using BlockTerms = std::array<double, kBlockTerms>; ///< by BlockTerm

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
    BlockTerms termWeights{1}; ///< the loss is the sum of the terms, weighted; 0 = not computed
    /// SquaredError and OutputKl: weight of the float block's outputs on the input at hand, against those in
    /// the float network (homologous targets).
    double sameInputTarget = 0;
    std::vector<float *> weightGradients;       ///< by layer, float32 [rows, cols]; empty: none
    std::span<double> activationScaleGradients; ///< by layer; empty: none
    BlockTerms *terms = nullptr;                ///< filled with the terms, without their weights; may be null
};

/// What a method may ask about the block at hand.
class BlockServices {
public:
    virtual ~BlockServices() = default;
    /// The loss of the pass. Fills the gradients that it names; straight-through for rounded activations.
    /// \error Unsupported  an operator without gradient, or a term that has() denies;  Cancelled
    virtual Result<double> run(const BlockPass &pass, const RunContext &ctx) = 0;
    /// A layer outside of its network has the squared error alone.
    virtual bool has(BlockTerm term) const { return term == BlockTerm::SquaredError; }
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
    /// Blocks that are reconstructed together, each such window sharing `overlap` blocks with the one before;
    /// overlap < window.
    std::int64_t window = 1, overlap = 0;
    std::array<bool, kBlockTerms> terms{true}; ///< those that passes will ask for, by BlockTerm

    bool wants(BlockTerm term) const { return terms[static_cast<std::size_t>(term)]; }
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
