#pragma once

#include "core/base/result.h"

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

namespace qs {

/// One matrix that a block, or the network, multiplies with.
struct LinearShape {
    std::string op;     ///< "q_proj": the operator in tables and charts
    std::string module; ///< "self_attn.q_proj": its name below the block in the weights' files
    std::int64_t in = 0, out = 0;
    bool bias = false;

    double parameters() const {
        return static_cast<double>(in) * static_cast<double>(out) + (bias ? static_cast<double>(out) : 0.0);
    }
};

/// A transformer as its config.json describes it: enough to count operations and bytes without weights.
struct NetworkDescription {
    enum class Kind { Decoder, VisionEncoder };
    Kind kind = Kind::Decoder;
    std::string modelType;                   ///< "llama"
    std::filesystem::path file;              ///< of the config
    std::string blockPrefix;                 ///< "model.layers.": then the block's number
    std::string embeddingModule, headModule; ///< names of the weights outside the blocks
    std::int64_t hidden = 0, blocks = 0, heads = 0, kvHeads = 0, headDim = 0, intermediate = 0;
    std::int64_t vocabulary = 0;     ///< Decoder
    std::int64_t embeddingWidth = 0; ///< Decoder: below `hidden` when projections stand between (OPT-350m)
    std::int64_t maxPositions = 0;   ///< longest context it was made for; 0 = not said
    std::int64_t positionRows = 0;   ///< rows of a learned position table; 0 = rotary positions
    std::optional<std::int64_t> slidingWindow; ///< tokens that attention looks back
    bool gated = true;                         ///< down(act(gate) · up) instead of down(act(up))
    bool tiedHead = false;                     ///< the head is the embedding table
    bool rmsNorm = true;                       ///< else LayerNorm
    bool queryKeyNorm = false;
    bool finalNorm = true;
    bool queryKeyValueBias = false, outputBias = false, mlpBias = false;
    std::string activation = "silu";
    double activationOps = 4; ///< operations per element of the activation function
    // VisionEncoder
    std::int64_t imageSize = 0, patchSize = 0, imageChannels = 0, extraTokens = 1, classes = 0;

    bool isDecoder() const { return kind == Kind::Decoder; }
    bool isRotary() const { return isDecoder() && positionRows == 0; }
    std::int64_t patches() const { return (imageSize / patchSize) * (imageSize / patchSize); }
    std::int64_t imageTokens() const { return patches() + extraTokens; }

    /// The matrices of one block, in the order in which they run.
    std::vector<LinearShape> blockLinears() const;
    /// Weights in norms, position tables and class tokens: what no layer quantizes.
    double otherParameters() const;
    /// All weights; a tied head counts once.
    double parameters() const;
};

/// Reads a Hugging Face config.json of the families llama, mistral, qwen2, qwen3, opt, vit, deit. Keys that
/// the families' own code has defaults for may be missing.
/// \error Unsupported  another family, or experts (mixture of experts)
/// \error CorruptFile  a field is missing, no whole number, out of range, or contradicts another; names file
/// and
///                     field
Result<NetworkDescription> networkFromConfig(const nlohmann::json &config, const std::filesystem::path &file);
/// \error NotFound, IoError, and those above
Result<NetworkDescription> readNetworkConfig(const std::filesystem::path &file);
/// Whether a JSON document is meant as a model's config rather than as a recipe.
bool looksLikeNetworkConfig(const nlohmann::json &json);
/// Whether a file is small JSON text that looksLikeNetworkConfig(); told by content. Quick: for file dialogs
/// and drops.
bool isNetworkConfigFile(const std::filesystem::path &file);

} // namespace qs
