#pragma once

#include "core/base/finding.h"
#include "core/base/run_context.h"
#include "core/graph/weight_difference.h"
#include "core/io/mapped_tensor.h"

#include <filesystem>

namespace qs {

/// A weight of a checkpoint as methods see it.
struct CheckpointMatrix {
    std::string layer, tensor; ///< "model.q_proj", "model.q_proj.weight"
    LayerKind kind = LayerKind::Linear;
    StoredMatrix stored;
    std::int64_t rows = 0, cols = 0;
};

struct CheckpointWeights {
    std::vector<CheckpointMatrix> matrices; ///< in natural order of their names, or of the graph
    std::vector<NamedTensor> others;        ///< floating-point: biases, gains, tables of positions
};

/// The weights of a file or folder, mapped where the format allows: of safetensors nothing is copied and no
/// network is built; every other format is opened as a model.
/// \error what the importer reports
Result<CheckpointWeights> readCheckpoint(const std::filesystem::path &path, FindingList &findings,
                                         const RunContext &ctx);

} // namespace qs
