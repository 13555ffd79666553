#pragma once

#include "core/base/run_context.h"
#include "core/graph/model.h"

namespace qs {

/// Writes the difference of two checkpoints as safetensors: every layer's weight, float32 [outChannels,
/// inPerOut] or in the shape of its kernel, and the other tensors, named as in the tuned checkpoint. One
/// tensor is in memory at a time; the file appears whole or not at all.
/// \error InvalidArgument  the model is no difference;  IoError  disk full, or not writable;  Cancelled
Result<std::int64_t> writeDifferenceTensors(const Model &model, const std::filesystem::path &file,
                                            const RunContext &ctx);

} // namespace qs
