#pragma once

#include "core/tensor/tensor.h"

#include <filesystem>
#include <string>
#include <vector>

namespace qs {

/// One model to run in ONNX Runtime.
struct OrtJob {
    std::filesystem::path model;
    std::vector<std::pair<std::string, Tensor>> inputs; ///< float32, int32 or int64
    std::string level = "disabled"; ///< graph optimisation: "disabled" computes as the file says, "all" fuses
    std::int64_t batch = 0;         ///< samples a call; 0 = all at once
};

/// Runs models with the npm package onnxruntime-node, found through NODE_PATH or in build/node.
/// \return the float32 outputs of each job
/// \error NotFound  node or the package is missing; says how to get it
/// \error Unsupported  ONNX Runtime refuses a model; its words
Result<std::vector<std::vector<Tensor>>> runInOnnxRuntime(const std::vector<OrtJob> &jobs);

} // namespace qs
