#pragma once

#include "core/base/finding.h"
#include "core/base/run_context.h"
#include "core/graph/model_graph.h"
#include "core/io/mapped_tensor.h"

#include <nlohmann/json.hpp>

namespace qs {

/// The runnable graph of a network that its config.json describes, with the weights of a checkpoint: one file
/// of this folder for each family. Names in the checkpoint may have the family's prefix ("model.") or not.
///
/// \param file      the config.json, for messages
/// \param findings  told which tensors the graph does not use
/// \error Unsupported, CorruptFile  a model_type, or a value, that is not known here or contradicts the
/// weights \error OutOfMemory  the weights as float32 need more than half of the machine's memory;  Cancelled
Result<ModelGraph> buildArchitecture(const nlohmann::json &config, const std::filesystem::path &file,
                                     const std::vector<NamedTensor> &tensors, FindingList &findings,
                                     const RunContext &ctx);

/// Graphs hold weights as float32, which the operators compute with.
/// \error OutOfMemory  that would be more than half of the machine's memory
Status checkWeightMemory(const std::vector<NamedTensor> &tensors);

} // namespace qs
