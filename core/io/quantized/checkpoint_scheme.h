#pragma once

#include "core/base/finding.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

namespace qs {

/// How a checkpoint packs the weights of linear layers, as its config.json says.
/// \source file_formats 14, 15, 16
struct CheckpointScheme {
    enum class Kind { Gptq, Awq, CompressedTensors, BitsAndBytes };
    enum class Storage { Plain, Packed, NvFp4 }; ///< of compressed-tensors

    /// Of the modules that `targets` name; the first group that fits counts.
    struct Group {
        std::vector<std::string> targets; ///< "Linear", a name, or "re:…"; empty = all
        int bits = 4;
        bool isFloat = false;
        bool symmetric = true;
        Storage storage = Storage::Plain;
        bool staticInput = false;  ///< input_scale says the grid of the activation
        bool dynamicInput = false; ///< activations are quantized by scales that are found while it runs
        int inputBits = 8;
        bool inputIsFloat = false;
    };
    Kind kind = Kind::Gptq;
    int bits = 4;                 ///< GPTQ, AWQ
    std::int64_t groupSize = 128; ///< GPTQ, AWQ; -1 = all inputs
    bool zeroPlusOne = true;      ///< GPTQ: stored zero points are one too low ("gptq", not "gptq_v2")
    std::vector<Group> groups;    ///< compressed-tensors
};

/// The scheme of a checkpoint whose config.json, or quantize_config.json beside it, describes one.
/// \return nothing  there is no description
/// \error Unsupported, CorruptFile  a scheme that is not known here; says which and what to do
Result<std::optional<CheckpointScheme>> readCheckpointScheme(const nlohmann::json &config,
                                                             const std::filesystem::path &folder);

} // namespace qs
