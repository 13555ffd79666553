#pragma once

#include "core/graph/model_graph.h"
#include "core/io/importers/gguf_files.h"

namespace qs {

/// The graph of a GGUF model whose architecture can run here: llama (with Mistral), qwen2,
/// qwen3. Layers have the names of Hugging Face ("layers.0.self_attn.q_proj"). Files of the architecture
/// llama hold the rows of queries and keys in the order of neighbouring pairs; they are put back into that of
/// "rotate half".
///
/// \param files  all parts of the model  \param findings  told which tensors the graph does not use
/// \error Unsupported  another architecture, or a value of the metadata that is not known here;  CorruptFile
/// the metadata contradicts the weights;  NotFound;  OutOfMemory;  Cancelled \source file_formats 3.5, 4.1
Result<ModelGraph> buildGgufNetwork(const std::vector<GgufFile> &files, FindingList &findings,
                                    const RunContext &ctx);

} // namespace qs
