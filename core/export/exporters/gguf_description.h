#pragma once

#include "core/export/exporters/gguf_file.h"
#include "core/graph/model.h"
#include "core/io/architectures/llama.h"
#include "core/io/importers/gguf_files.h"

namespace qs {

/// What a GGUF file says about a model beside the weights of its layers.
struct GgufDescription {
    std::string architecture; ///< "llama", "qwen2", "qwen3"
    std::int64_t headWidth = 0;
    std::int64_t blocks = 0, positions = 0;
    GgufMetadata metadata;
    std::vector<GgufOutput> tensors; ///< that no layer or norm of the graph stands for: divisors of rotations
    std::vector<GgufFile> source;    ///< of a model that came from GGUF: its parts

    bool turnsRows() const { return architecture == "llama"; }
    /// The tensor of the source, nullptr when there is none.
    std::optional<Tensor> sourceTensor(const std::string &name) const;
};

/// Describes a model by the metadata of the GGUF file, or the config.json, that it was opened from, else by
/// what its graph says.
/// \param findings  told that no tokenizer is written, and what runtimes may treat differently
/// \error Unsupported  a network of another family;  CorruptFile  the source is no longer what was opened
/// \source file_formats 3.3
Result<GgufDescription> describeForGguf(const Model &model, FindingList &findings, const RunContext &ctx);

} // namespace qs
