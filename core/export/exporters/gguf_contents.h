#pragma once

#include "core/export/exporters/gguf_description.h"
#include "core/export/exporters/gguf_weights.h"

namespace qs {

/// Every tensor of a GGUF file, and what became of the layers.
struct GgufContents {
    std::vector<GgufOutput> tensors;
    std::map<GgufForm, std::vector<std::string>> layers; ///< names, by the form that they got
    std::map<std::string, std::string> formats;          ///< of Packed and Fallback layers: "q4_0"
    double worstDifference = 0;                          ///< of a weight, between file and run
};

/// Collects layers, biases and norms under the names and in the row order of the format, and the other
/// tensors of a GGUF source. \error Unsupported  a layer that such files have no name for, or a correction
/// where they have no bias; CorruptFile  a norm is missing;  Cancelled
Result<GgufContents> collectGguf(const Run &run, const GgufDescription &description,
                                 const GgufWeightOptions &options, const RunContext &ctx);

} // namespace qs
